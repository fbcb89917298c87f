import type { BASE, Expert } from "../../server/protocol/index.ts";

/** Taken as a type, as in the page's experts.ts: the value lives beside the protocol's schemas. */
const base: typeof BASE = "base";

/** Whether the base model answered in a domain's name: under its prompt, since no version of it fits this model. */
export const isPromptAlone = ({ id, version }: Expert): boolean => version === null && id !== base;
