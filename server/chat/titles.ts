export const NEW_TITLE = "New conversation";

/** The first line of a question, cut at a word. */
export function titleFrom(text: string): string {
  const line = (text.split("\n")[0] ?? "").replace(/\s+/g, " ").trim();
  if (line.length <= 60) return line || NEW_TITLE;
  const cut = line.slice(0, 60);
  return `${cut.slice(0, Math.max(cut.lastIndexOf(" "), 30)).trimEnd()}…`;
}
