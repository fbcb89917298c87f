import { Check, Copy } from "lucide-react";
import { useEffect, useState } from "react";
import { copyText } from "./copy-text.ts";
import { IconButton } from "./IconButton.tsx";

const SHOWN_MS = 1_500;

export function CopyButton({ text, label }: { text: string | (() => string); label: string }) {
  const [copied, setCopied] = useState(false);

  useEffect(() => {
    if (!copied) return;
    const timer = setTimeout(() => setCopied(false), SHOWN_MS);
    return () => clearTimeout(timer);
  }, [copied]);

  const copy = async () => setCopied(await copyText(typeof text === "string" ? text : text()));
  return <IconButton icon={copied ? Check : Copy} label={copied ? "Copied" : label} onClick={copy} />;
}
