import { type Answer, activeBranch, type Transcript } from "../../../sdk/index.ts";

/** The answer at the end of the branch that is shown, if it is one of these. */
export function newestAnswer(transcript: Transcript, among: readonly Answer[]): Answer | null {
  const last = activeBranch(transcript).at(-1);
  return among.find((answer) => answer.id === last?.id) ?? null;
}
