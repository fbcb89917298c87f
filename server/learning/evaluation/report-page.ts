import type { EvaluationReport, LabelReport, Sides } from "./report.ts";

/*
 * The report as one file that opens in any browser, without a network: figures and plots are inline.
 */

/** @param curve loss of each training step, where it is known */
export function reportPage(report: EvaluationReport, curve: { step: number; loss: number }[] = []): string {
  const { candidate, against, rows, loss, perplexity, label, base, evaluatedAt } = report;
  const verdict = loss.ci95[0] > 0 ? "better" : loss.ci95[1] < 0 ? "worse" : "not clearly different";
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${text(candidate)} against ${text(against)}</title>
<style>${STYLE}</style>
<main>
<h1>${text(candidate)} <small>against ${text(against)}</small></h1>
<p class="lead">On ${rows} held-out conversations, its loss is <b>${change(-loss.reduction)}</b> (95% interval ${change(-loss.ci95[1])} to ${change(-loss.ci95[0])}): ${verdict}.</p>
<p class="quiet">${text(base.name)}, ${text(evaluatedAt.slice(0, 10))}</p>
<h2>Answers it was not trained on</h2>
${table(
  ["", text(against), text(candidate)],
  [
    ["loss, nats a token", ...both(loss, number)],
    ["perplexity", ...both(perplexity, (value) => value.toFixed(1))],
  ],
)}
${label ? labelSection(label, against, candidate) : ""}
<h2>What it forgot</h2>
<p>Change of the loss on texts of other fields. Below zero is better than before.</p>
${bars([...Object.entries(report.forgetting.otherDomains), ...(report.forgetting.general === null ? [] : [["general", report.forgetting.general] as [string, number]])])}
<h2>Answers it wrote</h2>
${table(
  ["", text(against), text(candidate)],
  [
    ["loss under the base model", ...both(report.fluency.lossUnderBase, number)],
    ["repeated 4-grams", ...both(report.fluency.repetition, percent)],
    ["fits its own question best", ...both(report.coherence.relevance, percent)],
    ...(report.coherence.earlierTurns
      ? [["fits its own earlier turns best", ...both(report.coherence.earlierTurns, percent)]]
      : []),
    ["words", ...both(report.engagement.words, (value) => value.toFixed(0))],
    ["asks a question back", ...both(report.engagement.questionsBack, percent)],
    ["different 2-grams", ...both(report.engagement.distinct2, percent)],
  ],
)}
${curve.length > 1 ? `<h2>Training</h2>\n<p>Loss of each step, and its moving mean.</p>\n${lossCurve(curve)}` : ""}
<h2>Side by side</h2>
${report.samples.map((sample) => `<section class="sample"><h3>${text(sample.prompt)}</h3><div><figure><figcaption>${text(against)}</figcaption>${text(sample.against)}</figure><figure><figcaption>${text(candidate)}</figcaption>${text(sample.candidate)}</figure><figure><figcaption>reference</figcaption>${text(sample.reference)}</figure></div></section>`).join("\n")}
</main>
`;
}

const STYLE = `
:root { color-scheme: light dark; --ink: light-dark(#1c1b19, #ece9e4); --soft: light-dark(#6b6861, #a19c93); --line: light-dark(#dedad2, #3b3833); --paper: light-dark(#fbfaf7, #191816); --good: light-dark(#14776b, #5cc3b2); --bad: light-dark(#b3462c, #ee8a6e); }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.5 system-ui, sans-serif; }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1rem 4rem; }
h1 { font-size: 1.75rem; margin: 0 0 .5rem; } h1 small { font-weight: 400; color: var(--soft); font-size: 1rem; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .5rem; } h3 { font-size: 1rem; margin: 0 0 .5rem; white-space: pre-wrap; }
.lead { font-size: 1.1rem; } .quiet, figcaption { color: var(--soft); font-size: .875rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .35rem 1.25rem .35rem 0; text-align: right; border-bottom: 1px solid var(--line); font-weight: 400; }
th { color: var(--soft); font-size: .875rem; } th:first-child, td:first-child { text-align: left; }
.confusion td, .confusion th { padding: .3rem .6rem; border: 1px solid var(--line); text-align: center; }
svg { width: 100%; height: auto; display: block; } svg text { fill: var(--ink); font: 13px system-ui, sans-serif; }
.sample { margin: 1.5rem 0; padding-top: 1rem; border-top: 1px solid var(--line); }
.sample div { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: 1rem 2rem; }
figure { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; } figcaption { margin-bottom: .25rem; }
`;

function labelSection(
  { against, candidate, labels, confusion, macroF1Gain }: LabelReport,
  one: string,
  other: string,
): string {
  const row = (name: string, of: (side: LabelReport["against"]) => number) => [
    name,
    percent(of(against)),
    percent(of(candidate)),
  ];
  const [low, high] = macroF1Gain.ci95;
  return `<h2>Labels</h2>
<p>Macro-F1 ${points(macroF1Gain.value)} (95% interval ${points(low)} to ${points(high)}).</p>
${table(
  ["", text(one), text(other)],
  [
    row("accuracy", (side) => side.accuracy),
    row("macro precision", (side) => side.macroPrecision),
    row("macro recall", (side) => side.macroRecall),
    row("macro F1", (side) => side.macroF1),
  ],
)}
<p>Rows are the gold labels, columns what ${text(other)} said.</p>
<div class="scroll"><table class="confusion"><tr><th></th>${labels.map((label) => `<th>${text(label)}</th>`).join("")}</tr>
${confusion.map((counts, gold) => `<tr><th>${text(labels[gold] ?? "")}</th>${counts.map((count, given) => cell(count, counts, gold === given)).join("")}</tr>`).join("\n")}
</table></div>`;
}

function cell(count: number, row: readonly number[], right: boolean): string {
  const share =
    count /
    Math.max(
      1,
      row.reduce((sum, each) => sum + each, 0),
    );
  const colour = `color-mix(in srgb, var(${right ? "--good" : "--bad"}) ${Math.round(share * 70)}%, transparent)`;
  return `<td style="background:${colour}">${count === 0 ? "" : count}</td>`;
}

/** Bars left and right of zero, with their figures. */
function bars(values: readonly [name: string, share: number][]): string {
  const [width, row, middle, reach] = [640, 28, 340, 180];
  const most = Math.max(0.05, ...values.map(([, share]) => Math.abs(share)));
  const drawn = values.map(([name, share], index) => {
    const length = (Math.abs(share) / most) * reach;
    const y = index * row;
    const x = share < 0 ? middle - length : middle;
    const colour = share > 0 ? "var(--bad)" : "var(--good)";
    const at = share < 0 ? `x="${middle - length - 6}" text-anchor="end"` : `x="${middle + length + 6}"`;
    return `<text x="0" y="${y + 19}">${text(name)}</text><rect x="${x}" y="${y + 6}" width="${length}" height="${row - 12}" fill="${colour}"/><text ${at} y="${y + 19}">${change(share)}</text>`;
  });
  const height = values.length * row;
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Change of the loss by field">${drawn.join("")}<line x1="${middle}" x2="${middle}" y1="0" y2="${height}" stroke="var(--soft)"/></svg>`;
}

/** A loss curve over its steps, as an SVG. */
export function lossCurve(curve: readonly { step: number; loss: number }[]): string {
  const [width, height, left, bottom] = [640, 220, 44, 24];
  const losses = curve.map(({ loss }) => loss);
  const [low, high] = [Math.min(...losses), Math.max(...losses)];
  const last = curve.at(-1)?.step ?? 1;
  const x = (step: number) => left + ((step - 1) / Math.max(1, last - 1)) * (width - left - 4);
  const y = (loss: number) => 8 + ((high - loss) / Math.max(1e-9, high - low)) * (height - bottom - 8);
  let mean = losses[0] ?? 0;
  const smooth = curve.map(({ step, loss }) => {
    mean = 0.9 * mean + 0.1 * loss;
    return `${x(step).toFixed(1)},${y(mean).toFixed(1)}`;
  });
  const dots = curve.map(
    ({ step, loss }) =>
      `<circle cx="${x(step).toFixed(1)}" cy="${y(loss).toFixed(1)}" r="1.6" fill="var(--soft)"/>`,
  );
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Training loss by step">${dots.join("")}<polyline points="${smooth.join(" ")}" fill="none" stroke="var(--good)" stroke-width="2"/><text x="0" y="16">${high.toFixed(2)}</text><text x="0" y="${height - bottom}">${low.toFixed(2)}</text><text x="${left}" y="${height - 4}">step 1</text><text x="${width - 4}" y="${height - 4}" text-anchor="end">${last}</text></svg>`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[], tag: string) =>
    `<tr>${cells.map((each) => `<${tag}>${each}</${tag}>`).join("")}</tr>`;
  return `<div class="scroll"><table>${line(head, "th")}${rows.map((cells) => line(cells, "td")).join("")}</table></div>`;
}

const both = (sides: Sides<number>, shown: (value: number) => string): string[] => [
  shown(sides.against),
  shown(sides.candidate),
];
const number = (value: number): string => value.toFixed(3);
const percent = (share: number): string => `${(share * 100).toFixed(1)}%`;
const change = (share: number): string => `${share < 0 ? "−" : "+"}${Math.abs(share * 100).toFixed(1)}%`;
const points = (share: number): string =>
  `${share < 0 ? "−" : "+"}${Math.abs(share * 100).toFixed(1)} points`;

const ENTITIES: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };
const text = (value: string): string => value.replace(/[&<>"]/g, (sign) => ENTITIES[sign] ?? sign);
