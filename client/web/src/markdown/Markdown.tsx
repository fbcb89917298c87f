import { type ComponentProps, memo, useDeferredValue } from "react";
import ReactMarkdown, { type Components } from "react-markdown";
import remarkGfm from "remark-gfm";
import { CodeBlock } from "./CodeBlock.tsx";
import { plainSteps } from "./plain-steps.ts";
import "./markdown.css";

const plugins = [remarkGfm];

const components: Components = {
  a: ({ href, children }) => <OutsideLink href={href}>{children}</OutsideLink>,
  // An image would tell a stranger's server who reads this and when, so it is a link.
  img: ({ src, alt }) => (
    <OutsideLink href={typeof src === "string" ? src : undefined}>{alt || "Image"}</OutsideLink>
  ),
  pre: ({ children }) => <CodeBlock>{children}</CodeBlock>,
  table: ({ children }) => (
    <div className="table-box">
      <table>{children}</table>
    </div>
  ),
};

function OutsideLink({ href, children }: Pick<ComponentProps<"a">, "href" | "children">) {
  return (
    <a href={href} target="_blank" rel="noopener noreferrer">
      {children}
    </a>
  );
}

/** A model's text as Markdown; raw HTML in it stays text. */
export const Markdown = memo(function Markdown({ text, growing }: { text: string; growing: boolean }) {
  // While it grows, typing in the composer goes before rendering the newest words.
  const shown = useDeferredValue(text);
  return (
    <div className="prose" data-growing={growing}>
      <ReactMarkdown remarkPlugins={plugins} components={components}>
        {plainSteps(shown)}
      </ReactMarkdown>
    </div>
  );
});
