import { Children, isValidElement, type ReactNode, useRef } from "react";
import { CopyButton } from "../controls/CopyButton.tsx";

export function CodeBlock({ children }: { children?: ReactNode }) {
  const code = useRef<HTMLPreElement>(null);
  return (
    <figure className="code-block">
      <figcaption>
        <span>{languageOf(children)}</span>
        <CopyButton text={() => code.current?.textContent ?? ""} label="Copy the code" />
      </figcaption>
      {/* Long lines scroll sideways, which must work with the keyboard too. */}
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: see above */}
      <pre ref={code} tabIndex={0}>
        {children}
      </pre>
    </figure>
  );
}

/** What follows the fence (```python), as react-markdown hands it on. */
function languageOf(children: ReactNode): string {
  const code = Children.toArray(children).find((child) => isValidElement<{ className?: string }>(child));
  const name = isValidElement<{ className?: string }>(code) ? code.props.className : undefined;
  return /language-(\S+)/.exec(name ?? "")?.[1] ?? "";
}
