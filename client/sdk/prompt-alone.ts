import type { BASE, Expert } from "../../server/protocol/index.ts";

/** Taken as a type, as in the page's experts.ts: the value lives beside the protocol's schemas. */
const base: typeof BASE = "base";

/**
 * Whether the base model here answered in a domain's name: under its prompt, since no version of it fits this model. A
 * remote engine says for itself what it has.
 */
export const isPromptAlone = ({ id, version, remote }: Expert): boolean =>
  version === null && id !== base && remote === undefined;
