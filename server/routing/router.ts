import { BASE, type Decision } from "../protocol/index.ts";
import { explain, type HeardTurn } from "./explain.ts";
import { vectoriseTraced, wordsOf } from "./features.ts";
import { isContentless } from "./follow-up.ts";
import { type Head, restrictHead } from "./head.ts";
import { linearScores, softmax } from "./logistic.ts";

export interface RouteRequest {
  /** The branch so far, oldest first, the newest user turn last. */
  turns: { role: "user" | "assistant"; text: string }[];
  /** Domain of the last answer; null where there is none. */
  previous: string | null;
  /** A domain that somebody chose by hand; it wins. */
  pinned?: string;
}

/** Decides who answers a turn. */
export interface Router {
  readonly version: string;
  /** What it can choose between, `base` last. */
  readonly labels: readonly string[];
  route(request: RouteRequest): Promise<Decision>;
  /** The same router without the domains that are not among these; what it has not learnt it cannot choose. */
  among(domains: readonly string[]): Router;
}

/** An earlier user turn counts this much of the one after it. */
const DECAY = 0.4;
/** Earlier turns that count, of the latest ones looked at; more would add next to nothing (0.4 ^ 4 = 0.03). */
const MAX_EARLIER = 3;
const MAX_LOOKED_AT = 12;
/** Turns of up to so many words rarely carry their subject with them. */
const SHORT_WORDS = 3;
/** The newest turn alone decides where its likeliest label leads by at least this. */
const CLEAR_LEAD = 0.6;
/** A turn of few words needs this lead. */
const CLEAR_LEAD_SHORT = 0.9;
/** A domain must lead the background by this much. */
const MARGIN_TO_BASE = 0.05;
/** Where the newest turn is unclear, a new domain must lead the one that is talking by this much. */
const SWITCH_MARGIN = 0.3;

export function createRouter(head: Head): Router {
  return {
    version: head.version,
    labels: head.labels,
    route: async (request) => decide(head, request),
    among: (domains) => createRouter(restrictHead(head, domains)),
  };
}

/** The whole decision; pure. */
export function decide(head: Head, { turns, previous, pinned }: RouteRequest): Decision {
  if (pinned !== undefined) return pinnedDecision(head, pinned);
  const asked = turns.filter(({ role }) => role === "user").map(({ text }) => text);
  const newest = hear(asked.slice(-1));
  const before = withSubject(asked.slice(0, -1));
  const earlier = hear(before);
  const words = newest[0]?.traced.words ?? [];
  const current = previous === null ? -1 : head.labels.indexOf(previous);
  if (current >= 0 && isContentless(words)) return followUp(head, earlier, current);
  const alone = probabilitiesOf(head, newest);
  const speaking = current >= 0 ? current : likeliest(probabilitiesOf(head, earlier));
  if (earlier.length > 0 && isUnclear(alone, words.length)) {
    const all = hear([...before, ...asked.slice(-1)]);
    const together = probabilitiesOf(head, all);
    const sure = (together[speaking] ?? 0) >= head.threshold;
    if (speaking === likeliest(together) && (sure || current < 0))
      return fromProbabilities(head, all, together);
    if (current >= 0 && Math.max(...together) - (together[current] ?? 0) < SWITCH_MARGIN)
      return followUp(head, all, current);
  }
  return fromProbabilities(head, newest, alone);
}

/** The latest turns that say what they are about; a "yes please" between them neither counts nor ages them. */
const withSubject = (texts: string[]): string[] =>
  texts
    .slice(-MAX_LOOKED_AT)
    .filter((text) => !isContentless(wordsOf(text)))
    .slice(-MAX_EARLIER);

/** The user turns with their weights, oldest first. */
const hear = (texts: string[]): HeardTurn[] =>
  texts.map((text, at) => ({ traced: vectoriseTraced(text), weight: DECAY ** (texts.length - 1 - at) }));

function probabilitiesOf(head: Head, turns: HeardTurn[]): Float64Array {
  const scores = Float64Array.from(head.model.bias);
  for (const { traced, weight } of turns)
    linearScores(head.model, traced).forEach((score, label) => {
      scores[label] = (scores[label] ?? 0) + weight * (score - (head.model.bias[label] ?? 0));
    });
  return softmax(scores, head.temperature);
}

function isUnclear(probabilities: Float64Array, words: number): boolean {
  const [first = 1, second = 0] = probabilities.toSorted().reverse();
  return first - second < (words <= SHORT_WORDS ? CLEAR_LEAD_SHORT : CLEAR_LEAD);
}

function fromProbabilities(head: Head, turns: HeardTurn[], probabilities: Float64Array): Decision {
  const base = head.labels.length - 1;
  const domains = probabilities.subarray(0, base);
  const best = domains.length === 0 ? base : domains.indexOf(Math.max(...domains));
  const [sure, outside] = [probabilities[best] ?? 0, probabilities[base] ?? 0];
  if (best === base || outside >= sure) return decision(head, turns, probabilities, base);
  if (sure >= head.threshold && sure - outside >= MARGIN_TO_BASE)
    return decision(head, turns, probabilities, best);
  return decision(
    head,
    turns,
    probabilities,
    base,
    `not sure enough of ${head.labels[best]} (${Math.round(100 * sure)}%)`,
  );
}

/** The domain that is talking goes on; how sure that is comes from the turns that had a subject. */
const followUp = (head: Head, turns: HeardTurn[], current: number): Decision =>
  decision(
    head,
    turns,
    probabilitiesOf(head, turns),
    current,
    `follow-up, stays with ${head.labels[current]}`,
  );

const likeliest = (probabilities: Float64Array): number => probabilities.indexOf(Math.max(...probabilities));

function decision(
  head: Head,
  turns: HeardTurn[],
  probabilities: Float64Array,
  chosen: number,
  because?: string,
): Decision {
  const rival = likeliestBut(chosen, probabilities);
  const { reason, evidence } =
    rival === null ? { reason: "", evidence: [] } : explain(head, turns, chosen, rival);
  return {
    domain: head.labels[chosen] ?? BASE,
    confidence: round(probabilities[chosen] ?? 0),
    runnerUp:
      rival === null
        ? null
        : { domain: head.labels[rival] ?? BASE, confidence: round(probabilities[rival] ?? 0) },
    reason: because ?? (reason || "no single word stands out"),
    evidence,
    head: head.version,
    pinned: false,
  };
}

function likeliestBut(chosen: number, probabilities: Float64Array): number | null {
  const others = probabilities.map((probability, label) => (label === chosen ? -1 : probability));
  const highest = Math.max(...others);
  return highest < 0 ? null : others.indexOf(highest);
}

const pinnedDecision = (head: Head, domain: string): Decision => ({
  domain,
  confidence: 1,
  runnerUp: null,
  reason: "pinned by you",
  evidence: [],
  head: head.version,
  pinned: true,
});

const round = (probability: number): number => Math.round(probability * 10_000) / 10_000;
