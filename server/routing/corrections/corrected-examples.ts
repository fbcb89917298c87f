import { BASE } from "../../protocol/index.ts";
import { weightBeside } from "../examples.ts";
import { wordsOf } from "../features.ts";
import { isContentless } from "../follow-up.ts";
import type { Example, Turn } from "../turn.ts";

/** What somebody says of a turn that was sent to the wrong expert. */
export interface StatedCorrection {
  id: string;
  /** Who says it. */
  person: string;
  /** Whom the turn belongs to; `base`: none of the experts. */
  expert: string;
  turn: Turn;
  /** ISO 8601. */
  updatedAt: string;
}

export interface CorrectedExamples {
  examples: Example[];
  /** Texts that nothing is learnt of, because as many people say one thing as another. */
  disputed: number;
}

/** More people who say the same count for more, up to so many. */
const MOST_PEOPLE = 3;
/** All that one person says counts as much as this many corrections: whoever says more has a smaller share in each. */
export const MOST_OF_A_PERSON = 50;

interface Statement extends StatedCorrection {
  key: string;
  share: number;
}

/**
 * What can be learnt from corrections: of each text what most people say of it; each person counts once, with the newest
 * that they said. A turn that makes sense only after the one before ("yes please") teaches nothing: it stays with whoever
 * is talking. One that is said of an expert who is not among `domains` waits until that one is back.
 * @returns with weights in people, in an order that depends on nothing but the texts
 */
export function correctedExamples(
  corrections: readonly StatedCorrection[],
  domains: readonly string[],
): CorrectedExamples {
  const byText = new Map<string, Statement[]>();
  for (const statement of statementsOf(corrections, domains))
    byText.set(statement.key, [...(byText.get(statement.key) ?? []), statement]);
  const examples: Example[] = [];
  let disputed = 0;
  for (const [, statements] of [...byText].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const verdict = majority(statements);
    if (verdict) examples.push(...examplesOf(verdict));
    else disputed++;
  }
  return { examples, disputed };
}

/** The examples, without those that say something else of a text that was corrected, and the corrections at their weight. */
export function withCorrections(examples: readonly Example[], corrected: readonly Example[]): Example[] {
  const labelOf = new Map(
    corrected.filter(({ before }) => !before).map(({ text, label }) => [textKey(text), label]),
  );
  const agreed = examples.filter(({ text, label }) => {
    const said = labelOf.get(textKey(text));
    return said === undefined || said === label;
  });
  const weight = weightBeside(examples.length);
  return [...agreed, ...corrected.map((row) => ({ ...row, weight: weight * (row.weight ?? 1) }))];
}

/** Texts that differ in case, punctuation and spacing alone are the same. */
export const textKey = (text: string): string =>
  wordsOf(text)
    .map(({ surface }) => surface)
    .join(" ") || text.trim();

function statementsOf(corrections: readonly StatedCorrection[], domains: readonly string[]): Statement[] {
  const newest = new Map<string, Omit<Statement, "share">>();
  const learnable = corrections.filter(
    ({ expert, turn }) => (expert === BASE || domains.includes(expert)) && !isContentless(wordsOf(turn.text)),
  );
  for (const correction of learnable.toSorted(byAge)) {
    const key = textKey(correction.turn.text);
    newest.set(`${correction.person} ${key}`, { ...correction, key });
  }
  const counts = new Map<string, number>();
  for (const { person } of newest.values()) counts.set(person, (counts.get(person) ?? 0) + 1);
  return [...newest.values()].map((statement) => ({
    ...statement,
    share: Math.min(1, MOST_OF_A_PERSON / (counts.get(statement.person) ?? 1)),
  }));
}

const byAge = (a: StatedCorrection, b: StatedCorrection): number =>
  a.updatedAt === b.updatedAt ? (a.id < b.id ? -1 : 1) : a.updatedAt < b.updatedAt ? -1 : 1;

interface Verdict {
  turn: Turn;
  label: string | null;
  /** In people: how many more say this than anything else. */
  strength: number;
}

/** What more people say than anything else, in the words of whoever said it last; null where there is no such thing. */
function majority(statements: readonly Statement[]): Verdict | null {
  const shares = new Map<string, number>();
  for (const { expert, share } of statements) shares.set(expert, (shares.get(expert) ?? 0) + share);
  const [first, second] = [...shares].sort(([, a], [, b]) => b - a);
  if (!first || (second && first[1] - second[1] < 1e-9)) return null;
  const [expert, share] = first;
  const spokesman = statements.findLast((statement) => statement.expert === expert);
  if (!spokesman) return null;
  return {
    turn: spokesman.turn,
    label: expert === BASE ? null : expert,
    strength: Math.min(MOST_PEOPLE, share - (second?.[1] ?? 0)),
  };
}

/** The turn by itself and, where it went on a conversation, as it was said there. */
function examplesOf({ turn: { text, before }, label, strength }: Verdict): Example[] {
  const example = { text, label, weight: strength, ownPlace: strength };
  return before ? [example, { ...example, before }] : [example];
}
