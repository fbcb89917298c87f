import { change, number, page, percent, table, text } from "../pages/html.ts";
import { lossCurve } from "../pages/loss-curve.ts";
import type { EvaluationReport, LabelReport, LossReduction, ShareChange, Sides } from "./report.ts";

/*
 * The report as one file that opens in any browser, without a network: figures and plots are inline.
 */

/** @param curve loss of each training step, where it is known */
export function reportPage(report: EvaluationReport, curve: { step: number; loss: number }[] = []): string {
  const { candidate, against, rows, loss, perplexity, label, base, evaluatedAt } = report;
  const verdict = loss.ci95[0] > 0 ? "better" : loss.ci95[1] < 0 ? "worse" : "not clearly different";
  const body = `<h1>${text(candidate)} <small>against ${text(against)}</small></h1>
<p class="lead">On ${rows} held-out conversations, its loss is <b>${change(-loss.reduction)}</b> (95% interval ${interval(loss)}): ${verdict}.${coherenceFalls(report)}</p>
<p class="quiet">${text(base.name)}, ${text(evaluatedAt.slice(0, 10))}</p>
<h2>Answers it was not trained on</h2>
${table(
  ["", text(against), text(candidate)],
  [
    ["loss, nats a token", ...both(loss, number)],
    ["perplexity", ...both(perplexity, (value) => value.toFixed(1))],
  ],
)}
${report.wrongExperts.length > 0 ? wrongExpertsSection(report) : ""}
${label ? labelSection(label, against, candidate) : ""}
${forgettingSection(report)}
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
${report.samples.map((sample) => `<section class="sample"><h3>${text(sample.prompt)}</h3><div><figure><figcaption>${text(against)}</figcaption>${text(sample.against)}</figure><figure><figcaption>${text(candidate)}</figcaption>${text(sample.candidate)}</figure><figure><figcaption>reference</figcaption>${text(sample.reference)}</figure></div></section>`).join("\n")}`;
  return page(`${candidate} against ${against}`, STYLE, body);
}

const STYLE = `
.confusion td, .confusion th { padding: .3rem .6rem; border: 1px solid var(--line); text-align: center; }
.sample { margin: 1.5rem 0; padding-top: 1rem; border-top: 1px solid var(--line); }
.sample div { display: grid; grid-template-columns: repeat(auto-fit, minmax(16rem, 1fr)); gap: 1rem 2rem; }
`;

/** Where the answers hold together clearly less well than the other side's; empty: nowhere, or nobody measured how sure that is. */
function coherenceFalls({ against, coherence: { relevance, earlierTurns } }: EvaluationReport): string {
  const falls: [what: string, share: ShareChange | null][] = [
    ["their own question", relevance],
    ["their own earlier turns", earlierTurns],
  ];
  return falls
    .map(([what, share]) =>
      share?.ci95 && share.ci95[1] < 0
        ? ` Its answers fit ${what} clearly less often: ${percent(share.candidate)} of them do, ${percent(share.against)} of those of ${text(against)}.`
        : "",
    )
    .join("");
}

function forgettingSection({
  against,
  candidate,
  forgetting: { general, otherDomains, losses },
}: EvaluationReport): string {
  const inOrder = <T>(others: Record<string, T>, own: T | null): [string, T][] => [
    ...Object.entries(others),
    ...(own === null ? [] : [["general", own] as [string, T]]),
  ];
  return `<h2>What it forgot</h2>
<p>Change of the loss on texts of other fields. Below zero is better than before.</p>
${bars(inOrder(otherDomains, general))}
${
  losses
    ? table(
        ["loss, nats a token", text(against), text(candidate), "change", "95% interval"],
        inOrder(losses.otherDomains, losses.general).map(([name, loss]) => [
          text(name),
          ...both(loss, number),
          change(-loss.reduction),
          interval(loss),
        ]),
      )
    : ""
}`;
}

const wrongExpertsSection = ({ candidate, wrongExperts }: EvaluationReport): string =>
  `<h2>The experts of other domains</h2>
<p>Their loss on the same conversations, and how far that of ${text(candidate)} is from it. Below zero, the router does well to pick ${text(candidate)}.</p>
${table(
  ["", "loss, nats a token", text(candidate), "95% interval"],
  wrongExperts.map((expert) => [
    text(expert.version),
    number(expert.loss),
    change(-expert.reduction),
    interval(expert),
  ]),
)}`;

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

const both = (sides: Sides<number>, shown: (value: number) => string): string[] => [
  shown(sides.against),
  shown(sides.candidate),
];
/** Of the change of the loss. */
const interval = ({ ci95: [low, high] }: LossReduction): string => `${change(-high)} to ${change(-low)}`;
const points = (share: number): string =>
  `${share < 0 ? "−" : "+"}${Math.abs(share * 100).toFixed(1)} points`;
