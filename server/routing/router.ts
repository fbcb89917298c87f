import type { Decision } from "../protocol/index.ts";
import type { Embedder } from "./embedder/embedder.ts";
import { lastWithSubject } from "./follow-up.ts";
import { type Head, restrictHead } from "./head.ts";
import { decideTurn, pinnedDecision, type RouteRequest, turnOf } from "./policy.ts";
import { type Embeddings, type Turn, textsToEmbed } from "./turn.ts";

/** Decides who answers a turn. */
export interface Router {
  readonly version: string;
  /** What it can choose between, `base` last. */
  readonly labels: readonly string[];
  /** Whether it hears what a text means, or its words alone. */
  readonly hears: "words" | "meaning";
  route(request: RouteRequest): Promise<Decision>;
  /** The same router without the domains that are not among these; what it has not learnt it cannot choose. */
  among(domains: readonly string[]): Router;
}

/** @param embedder null, or one that does not answer in time: it decides by the words alone */
export function createRouter(head: Head, embedder: Embedder | null = null): Router {
  return {
    version: head.version,
    labels: head.labels,
    get hears() {
      return head.meaning && embedder?.state === "ready" ? "meaning" : "words";
    },
    route: async (request) => {
      if (request.pinned !== undefined) return pinnedDecision(head, request.pinned);
      const turn = turnOf(head, request);
      return decideTurn(head, turn, await embeddingsFor(turn, head.meaning && embedder));
    },
    among: (domains) => createRouter(restrictHead(head, domains), embedder),
  };
}

/** What a decision about this turn needs; none where the embedder does not answer. */
export async function embeddingsFor(turn: Turn, embedder: Embedder | null): Promise<Embeddings> {
  const texts = [...new Set([turn, lastWithSubject(turn)].flatMap(textsToEmbed))];
  const vectors = await embedder?.embed(texts);
  const known = new Map(vectors?.map((vector, at) => [texts[at], vector]));
  return (text) => known.get(text);
}
