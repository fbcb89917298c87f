import { BASE, type Decision } from "../protocol/index.ts";
import { explain } from "./explain.ts";
import { type TracedVector, vectoriseTurn, wordsOf } from "./features.ts";
import { isContentless, lastWithSubject } from "./follow-up.ts";
import type { Head } from "./head.ts";
import { gatedParts, hear, leavesBy, probabilitiesOf, type Rule } from "./scores.ts";
import { spell } from "./speller.ts";
import type { Embeddings, Turn } from "./turn.ts";

export interface RouteRequest {
  /** The branch so far, oldest first, the newest user turn last. */
  turns: { role: "user" | "assistant"; text: string }[];
  /** Domain of the last answer; null where there is none. */
  previous: string | null;
  /** A domain that somebody chose by hand; it wins. */
  pinned?: string;
}

/** Turns that are looked at; what is older says nothing about the newest one. */
const MAX_TURNS = 24;
/** In mid-conversation another domain must lead the one that is talking by this much, */
const SWITCH_MARGIN = 0.05;
/** and by this much more where nothing says that the turn asks for something else. */
const STAY_MARGIN = 0.3;
/** Odds for the domain that is talking, where the head has not learnt from conversations how much that counts. */
const STAY_ODDS = 3;
/** Two domains this close to each other are both named. */
const CLOSE = 0.15;

/** What a head says of a turn, before any rule. */
export interface Judgement {
  turn: Turn;
  traced: TracedVector;
  probabilities: Float64Array;
  rule: Rule;
  /** How likely it leaves the expert that is talking, where it has learnt from conversations. */
  leaves: number | null;
  /** Whether it has learnt how much the last expert counts. */
  knowsConversations: boolean;
  /** Whether the meaning was heard, beside the words. */
  heardMeaning: boolean;
}

export function judge(head: Head, turn: Turn, embeddings: Embeddings): Judgement {
  const knowsConversations = head.byWords.later !== null;
  const heardTurn = knowsConversations ? turn : { ...turn, before: null };
  const traced = vectoriseTurn(heardTurn);
  const { words, meaning, going } = hear(head, heardTurn, traced, embeddings);
  const heardMeaning = meaning.length > 0 && head.byAll !== null;
  const reading = (heardMeaning && head.byAll) || head.byWords;
  const rule = (heardTurn.before && reading.later) ?? reading.first;
  const opinions = heardMeaning ? [...words, ...meaning] : words;
  const leaves = going && reading.later ? leavesBy(reading.later.leaving, opinions, going) : null;
  const parts = going && leaves !== null ? gatedParts(opinions, going, leaves) : opinions;
  const probabilities = probabilitiesOf(rule, parts);
  return { turn, traced, probabilities, rule, leaves, knowsConversations, heardMeaning };
}

/** The newest user turn with what was said before it, slips put right. */
export function turnOf({ vocabulary }: Pick<Head, "vocabulary">, { turns, previous }: RouteRequest): Turn {
  const latest = turns.slice(-MAX_TURNS);
  const newest = latest.findLastIndex(({ role }) => role === "user");
  const before = latest.slice(0, Math.max(0, newest));
  const earlier = before.filter(({ role }) => role === "user").map(({ text }) => spell(text, vocabulary));
  const assistant = before.findLast(({ role }) => role === "assistant")?.text ?? "";
  return {
    text: spell(latest[newest]?.text ?? "", vocabulary),
    before: earlier.length === 0 ? null : { earlier, assistant, expert: previous },
  };
}

/** The whole decision; pure. */
export const decide = (
  head: Head,
  request: RouteRequest,
  embeddings: Embeddings = () => undefined,
): Decision =>
  request.pinned === undefined
    ? decideTurn(head, turnOf(head, request), embeddings)
    : pinnedDecision(head, request.pinned);

/** The same for a turn that nobody pinned, as {@link turnOf} gives it. */
export function decideTurn(head: Head, turn: Turn, embeddings: Embeddings): Decision {
  const current = head.labels.indexOf(turn.before?.expert ?? "");
  if (current >= 0 && isContentless(wordsOf(turn.text))) {
    const because = `follow-up, stays with ${head.labels[current]}`;
    return decision(head, judge(head, lastWithSubject(turn), embeddings), current, { because });
  }
  const judgement = judge(head, turn, embeddings);
  if (current >= 0 && !judgement.knowsConversations)
    judgement.probabilities = withStayOdds(judgement.probabilities, current);
  const { probabilities } = judgement;
  const best = bestOf(head, judgement);
  const lead = (probabilities[best] ?? 0) - (probabilities[current] ?? 0);
  if (current >= 0 && best !== current && lead < marginOf(judgement))
    return decision(head, judgement, current, {
      because: `stays with ${head.labels[current]}`,
      ...(best !== head.labels.length - 1 && { alternative: best }),
    });
  return decision(head, judgement, best, closeCall(head, judgement, best));
}

const marginOf = ({ leaves }: Judgement): number => SWITCH_MARGIN + STAY_MARGIN * (1 - (leaves ?? 1));

function withStayOdds(probabilities: Float64Array, current: number): Float64Array {
  const odds = probabilities.map((p, at) => (at === current ? STAY_ODDS * p : p));
  const sum = odds.reduce((total, p) => total + p, 0);
  return odds.map((p) => p / sum);
}

/** The likeliest domain, or the background where no domain is sure enough. */
function bestOf(head: Head, { probabilities, rule }: Judgement): number {
  const base = head.labels.length - 1;
  const domain = likeliestDomain(probabilities);
  if (domain === null) return base;
  const inside = 1 - (probabilities[base] ?? 0);
  return inside >= (rule.thresholds[domain] ?? 1) ? domain : base;
}

/** The background left out; null where there is no other label. */
export function likeliestDomain(probabilities: Float64Array): number | null {
  const domains = probabilities.subarray(0, -1);
  return domains.length === 0 ? null : domains.indexOf(Math.max(...domains));
}

/** What a person should know besides the words; nothing where the words say it all. */
interface Circumstances {
  because?: string;
  /** An expert that was close to being chosen. */
  alternative?: number;
}

/** Whether another expert was nearly as likely, or the likeliest one was not sure enough. */
function closeCall(head: Head, { probabilities }: Judgement, chosen: number): Circumstances {
  const base = head.labels.length - 1;
  const alternative = likeliestBut(chosen, probabilities.subarray(0, base));
  if (alternative === null) return {};
  const percent = (at: number) => `${head.labels[at]} (${Math.round(100 * (probabilities[at] ?? 0))}%)`;
  const lead = (probabilities[chosen] ?? 0) - (probabilities[alternative] ?? 0);
  if (lead >= CLOSE) return {};
  if (chosen === base && lead < 0)
    return { because: `not sure enough of ${percent(alternative)}`, alternative };
  return { because: `between ${percent(chosen)} and ${percent(alternative)}`, alternative };
}

function decision(
  head: Head,
  judgement: Judgement,
  chosen: number,
  { because, alternative }: Circumstances,
): Decision {
  const { probabilities, traced, heardMeaning } = judgement;
  const rival = likeliestBut(chosen, probabilities);
  const { reason, evidence } =
    rival === null
      ? { reason: "", evidence: [] }
      : explain(head.ngrams, { traced, weight: weightOfWords(judgement) }, chosen, rival);
  return {
    domain: head.labels[chosen] ?? BASE,
    confidence: round(probabilities[chosen] ?? 0),
    runnerUp:
      rival === null
        ? null
        : { domain: head.labels[rival] ?? BASE, confidence: round(probabilities[rival] ?? 0) },
    reason: because ?? (reason || "no single word stands out"),
    evidence,
    alternative: alternative === undefined ? null : (head.labels[alternative] ?? null),
    heard: heardMeaning ? "meaning" : "words",
    head: heardMeaning ? head.version : `${head.version} by words`,
    pinned: false,
  };
}

/** What the scores of the turn's words were multiplied with, as {@link gatedParts} has them in mid-conversation. */
function weightOfWords({ rule, leaves }: Judgement): number {
  const [scale = 1, staying = scale] = rule.mixture.scales;
  return leaves === null ? scale : leaves * scale + (1 - leaves) * staying;
}

/** Null where there is no other. */
function likeliestBut(chosen: number, probabilities: Float64Array): number | null {
  const others = probabilities.map((probability, label) => (label === chosen ? -1 : probability));
  const highest = Math.max(...others);
  return highest < 0 ? null : others.indexOf(highest);
}

export const pinnedDecision = (head: Head, domain: string): Decision => ({
  domain,
  confidence: 1,
  runnerUp: null,
  reason: "pinned by you",
  evidence: [],
  alternative: null,
  heard: null,
  head: head.version,
  pinned: true,
});

const round = (probability: number): number => Math.round(probability * 10_000) / 10_000;
