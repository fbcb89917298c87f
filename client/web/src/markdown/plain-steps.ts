const fence = /^\s*(```|~~~)/;
const step = /^\s{0,3}(?:\d{1,9}[.)]|[-*+])\s+\S/;
const blank = /^\s*$/;

/**
 * Ends a list where a reader would end it. Markdown counts an unindented line right after "3. …" as more of that
 * step (a lazy continuation, https://spec.commonmark.org/0.31.2/#lazy-continuation-line); in chat nobody means that.
 */
export function plainSteps(markdown: string): string {
  let fenced = false;
  let inStep = false;
  const lines: string[] = [];
  for (const line of markdown.split("\n")) {
    const inCode = fenced;
    if (fence.test(line)) fenced = !fenced;
    const isStep = !fenced && step.test(line);
    const isText = !inCode && !isStep && !blank.test(line) && !/^\s/.test(line);
    if (inStep && isText) lines.push("");
    if (isStep) inStep = true;
    else if (isText || blank.test(line)) inStep = false;
    lines.push(line);
  }
  return lines.join("\n");
}
