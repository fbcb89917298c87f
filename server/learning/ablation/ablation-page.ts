import type { Interval } from "../evaluation/bootstrap.ts";
import { type ArmResult, compare } from "./arm-result.ts";

export interface AblationFacts {
  id: string;
  base: string;
  tokens: number;
  /** The arm that the techniques are compared with. */
  control: string;
}

export type TableRow = ArmResult & {
  /** Measured when the data, the settings, the base model or the start were other ones. */
  isEarlier: boolean;
};

/** The table that stands in `adapters/<id>/ablation/README.md`: the sweep against the base model, techniques against the control. */
export function ablationPage(
  { id, base, tokens, control }: AblationFacts,
  results: readonly TableRow[],
): string {
  const plain = results.find(({ arm }) => arm === "base");
  const chosen = results.find(({ arm }) => arm === control);
  if (!plain || !chosen) throw new Error("an ablation has its base and its control");
  const rows = (some: readonly TableRow[], other: ArmResult) =>
    some.map((result) => {
      const { loss, change, macroF1, f1Gain, generalChange } = compare(result, other);
      const cells = [
        result.arm === control ? `**${result.arm}**` : `${result.arm}${result.isEarlier ? " (earlier)" : ""}`,
        result.technique,
        loss.toFixed(3),
        withInterval(change, percent),
        Number.isNaN(macroF1) ? "–" : macroF1.toFixed(2),
        withInterval(f1Gain, (value) => signed(value, value.toFixed(2))),
        withInterval(generalChange, percent),
      ];
      return `| ${cells.join(" | ")} |`;
    });
  const head = (other: string) => [
    `| arm | technique | held-out loss | against ${other} | label macro-F1 | against ${other} | general loss against ${other} |`,
    "|---|---|---|---|---|---|---|",
  ];
  const isSweep = ({ arm }: ArmResult) => arm.startsWith("lr-");
  const techniques = results.filter((result) => result !== plain && !isSweep(result));
  return [
    `# What each technique does for ${id}`,
    `Made by \`npx patchbay adapters ablate ${id} --budget ${tokens}\`: every arm trains on ${tokens.toLocaleString("en")} tokens of ${base} and is measured through the served model on the held-out rows. In brackets the 95% interval of a paired bootstrap over rows; one seed an arm, so that what a seed changes is not in it. Losses are nats a token of answers; below zero is better.`,
    ...(results.some(({ isEarlier }) => isEarlier) ? ["", EARLIER] : []),
    "",
    "## Learning rates, against the base model",
    ...head("base"),
    ...rows(results.filter(isSweep), plain),
    "",
    `## Techniques, against ${control}`,
    ...(techniques.length === 0 ? ["None yet."] : [...head(control), ...rows(techniques, chosen)]),
    "",
  ].join("\n");
}

const EARLIER =
  "An arm marked (earlier) was measured with other data, settings, base model or start than those of now: `--only` with its name measures it anew. Where its held-out rows were others, it is not compared.";

const signed = (value: number, shown: string): string => (value < 0 ? shown.replace("-", "−") : `+${shown}`);
const percent = (value: number): string => signed(value, `${(value * 100).toFixed(1)}%`);
const withInterval = (
  { value, ci95: [low, high] }: { value: number; ci95: Interval },
  shown: (value: number) => string,
): string => (Number.isNaN(value) ? "–" : `${shown(value)} [${shown(low)}, ${shown(high)}]`);
