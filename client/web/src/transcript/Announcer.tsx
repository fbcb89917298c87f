import { useEffect, useRef, useState } from "react";
import { type Answer, activeBranch, type Transcript } from "../../../sdk/index.ts";

/** Tells screen readers about an answer once, when it is finished: token by token nobody could listen to it. */
export function Announcer({ transcript }: { transcript: Transcript }) {
  const [said, setSaid] = useState("");
  const running = useRef<string | null>(null);
  const last = activeBranch(transcript).at(-1);

  useEffect(() => {
    if (last?.role !== "assistant") return;
    if (last.status === "streaming") running.current = last.id;
    else if (running.current === last.id) {
      running.current = null;
      setSaid(spoken(last));
    }
  }, [last]);

  return (
    <p className="visually-hidden" aria-live="polite">
      {said}
    </p>
  );
}

function spoken({ status, expert, text, error }: Answer): string {
  const who = expert?.title ?? "The server";
  if (status === "failed" || status === "interrupted") return `The answer failed. ${error?.message ?? ""}`;
  return `${who} ${status === "stopped" ? "was stopped" : "answered"}: ${text}`;
}
