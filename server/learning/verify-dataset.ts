import type { PlannedRow } from "./coverage-plan.ts";
import type { Conversation, Dataset, SingleTurn } from "./dataset.ts";
import { leaks, repeatedTurns, turnLeaks } from "./leaks.ts";
import { type NearDuplicate, nearDuplicates } from "./near-duplicates.ts";

/** More near-duplicates than this share of all rows teach a template, not a domain. */
const MOST_NEAR_DUPLICATES = 0.02;

export interface DatasetReport {
  train: number;
  heldOut: number;
  /** Share of conversations with several user turns. */
  multiTurn: number;
  nearDuplicates: { rate: number; rows: NearDuplicate[] };
  /** Rows of each label; `turns` are those of router.jsonl and labels.jsonl. */
  labels: { label: string; train: number; turns: number; heldOut: number }[];
  /** Conversations that the coverage plan has; null where there is no plan. */
  planned: number | null;
  /** What has to be mended, a sentence each. */
  problems: string[];
}

export interface DatasetParts extends Pick<Dataset, "train" | "heldOut" | "turns"> {
  plan: readonly PlannedRow[] | null;
  /** The closed set of the label task; null where the domain has none. */
  labels: readonly string[] | null;
}

/** What a dataset holds and what is wrong with it, beyond what reading it refuses already. */
export function verifyDataset({ train, heldOut, turns, plan, labels }: DatasetParts): DatasetReport {
  const rows = [...train, ...heldOut];
  const near = nearDuplicates(rows);
  const rate = near.length / rows.length;
  return {
    train: train.length,
    heldOut: heldOut.length,
    multiTurn: rows.filter(({ messages }) => messages.length > 2).length / rows.length,
    nearDuplicates: { rate, rows: near },
    labels: countLabels({ train, turns, heldOut }, labels ?? []),
    planned: plan?.length ?? null,
    problems: [
      ...repeatedIds(rows),
      ...(rate >= MOST_NEAR_DUPLICATES
        ? [`${percent(rate)} of the rows are near-duplicates of others.`]
        : []),
      ...leaks(train, heldOut),
      ...turnLeaks(turns, heldOut),
      ...repeatedTurns(turns),
      ...(labels ? [...wrongLabels(rows, heldOut, labels), ...unknownLabels(turns, labels)] : []),
      ...(plan ? unlikeThePlan(rows, plan) : []),
    ],
  };
}

function countLabels(
  { train, turns, heldOut }: Pick<DatasetParts, "train" | "turns" | "heldOut">,
  labels: readonly string[],
) {
  return labels.map((label) => {
    const count = (rows: readonly { label?: string | undefined }[]) =>
      rows.filter((row) => row.label === label).length;
    return { label, train: count(train), turns: count(turns), heldOut: count(heldOut) };
  });
}

function repeatedIds(rows: readonly Conversation[]): string[] {
  const seen = new Set<string>();
  return rows.flatMap(({ id }) => {
    if (seen.has(id)) return [`The id ${id} stands at more than one row.`];
    seen.add(id);
    return [];
  });
}

function wrongLabels(
  rows: readonly Conversation[],
  heldOut: readonly Conversation[],
  labels: readonly string[],
): string[] {
  const known = new Set(labels);
  const tested = new Set(heldOut.map(({ label }) => label));
  return [
    ...rows
      .filter(({ label }) => label === undefined || !known.has(label))
      .map(({ id, label }) =>
        label === undefined
          ? `${id} has no label.`
          : `${id} has the label "${label}", which adapter.json lacks.`,
      ),
    ...labels
      .filter((label) => !tested.has(label))
      .map((label) => `No held-out row has the label "${label}": nothing would measure it.`),
  ];
}

const unknownLabels = (turns: readonly SingleTurn[], labels: readonly string[]): string[] =>
  turns
    .filter(({ label }) => label !== undefined && !labels.includes(label))
    .map(({ id, label }) => `${id} has the label "${label}", which adapter.json lacks.`);

function unlikeThePlan(rows: readonly Conversation[], plan: readonly PlannedRow[]): string[] {
  const written = new Map(rows.map((row) => [row.id, row]));
  const planned = new Set(plan.map(({ id }) => id));
  return [
    ...plan.flatMap(({ id, label, turns }) => {
      const row = written.get(id);
      if (!row) return [`${id} is planned and not written.`];
      const differs = row.label !== label || row.messages.length !== 2 * turns;
      return differs ? [`${id} is not what the plan says: ${label}, ${turns} user turns.`] : [];
    }),
    ...rows.filter(({ id }) => !planned.has(id)).map(({ id }) => `${id} is written and not planned.`),
  ];
}

const percent = (share: number): string => `${(100 * share).toFixed(1)}%`;
