import { type AdapterSummary, BASE, PatchbayError } from "../sdk/index.ts";
import { fold, nearest } from "./words.ts";

/**
 * The id of the expert that somebody names by id or title; `auto` is the router.
 * @throws {PatchbayError} `adapter-unknown` with the nearest name
 */
export function expertNamed(name: string, adapters: readonly AdapterSummary[]): string {
  const ids = ["auto", BASE, ...adapters.map(({ id }) => id)];
  const wanted = fold(name.trim());
  const id = ids.find((each) => each === wanted) ?? adapters.find(({ title }) => fold(title) === wanted)?.id;
  if (id !== undefined) return id;
  const meant = nearest(wanted, ids);
  throw new PatchbayError("adapter-unknown", `There is no expert "${name}".`, {
    hint: meant ? `Did you mean ${meant}?` : `There are: ${ids.join(", ")}.`,
  });
}
