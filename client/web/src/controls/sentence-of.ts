import { PatchbayError } from "../../../sdk/index.ts";

/** What a person is told about a failure: the server's sentence and what to do about it. */
export function sentenceOf(error: unknown): string {
  if (!(error instanceof PatchbayError)) return "Something went wrong in this page.";
  return error.hint ? `${error.message} ${error.hint}` : error.message;
}
