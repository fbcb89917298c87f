/** Where an answer stands in the queue, for people. */
export function waitingSentence(ahead: number): string {
  if (ahead === 0) return "Waiting: yours is next.";
  return ahead === 1 ? "Waiting: one answer is before yours." : `Waiting: ${ahead} answers are before yours.`;
}
