/*
 * Pages as one file that opens in any browser, without a network: style and plots are inline.
 */

/** @param body what stands in <main> */
export const page = (title: string, style: string, body: string, head = ""): string => `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
${head}<title>${text(title)}</title>
<style>${STYLE}${style}</style>
<main>
${body}
</main>
`;

const STYLE = `
:root { color-scheme: light dark; --ink: light-dark(#1c1b19, #ece9e4); --soft: light-dark(#6b6861, #a19c93); --line: light-dark(#dedad2, #3b3833); --paper: light-dark(#fbfaf7, #191816); --good: light-dark(#14776b, #5cc3b2); --bad: light-dark(#b3462c, #ee8a6e); }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 .5rem; } h1 small { font-weight: 400; color: var(--soft); font-size: 1rem; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .5rem; } h3 { font-size: 1rem; margin: 0 0 .5rem; white-space: pre-wrap; }
.lead { font-size: 1.1rem; } .quiet, figcaption { color: var(--soft); font-size: .875rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem 1.25rem .35rem 0; text-align: right; border-bottom: 1px solid var(--line); font-weight: 400; }
th { color: var(--soft); font-size: .875rem; } th:first-child, td:first-child { text-align: left; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--ink); font: 13px system-ui, sans-serif; }
.curve { max-width: 46rem; } @media (max-width: 40rem) { .curve text { font-size: 22px; } }
figure { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; } figcaption { margin-bottom: .25rem; }
`;

/** The first column is to the left. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((each) => `<${tag}>${each}</${tag}>`).join("")}</tr>`;
  return `<div class="scroll"><table>${line(head, "th")}${rows.map((cells) => line(cells, "td")).join("")}</table></div>`;
}

export const number = (value: number): string => value.toFixed(3);
export const percent = (share: number): string => `${(share * 100).toFixed(1)}%`;
export const change = (share: number): string =>
  `${share < 0 ? "−" : "+"}${Math.abs(share * 100).toFixed(1)}%`;

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
/** Text that stands for itself in HTML. */
export const text = (value: string): string => value.replace(/[&<>"]/g, (sign) => ENTITIES[sign] ?? sign);
