/** Characters that Slack takes in one Markdown text (12,000), with room for what it adds. */
export const PAGE_CHARS = 11_500;

/**
 * What somebody wrote, without Slack's markup: https://docs.slack.dev/messaging/formatting-message-text
 * @param botUserId mentions of whom are left out
 */
export function plainText(text: string, botUserId: string | undefined): string {
  return text
    .replace(/<([^<>]*)>/g, (_, inside: string) => written(inside, botUserId))
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&amp;", "&")
    .replace(/[ \t]{2,}/g, " ")
    .trim();
}

function written(inside: string, botUserId: string | undefined): string {
  const [target = "", label] = inside.split("|");
  if (target.startsWith("@")) return target === `@${botUserId}` ? "" : `@${label ?? target.slice(1)}`;
  if (target.startsWith("#")) return `#${label ?? target.slice(1)}`;
  if (target.startsWith("!")) return `@${label ?? target.slice(1)}`;
  return label && label !== target ? `${label} (${target})` : target;
}

/** For mrkdwn, where three characters have a meaning of their own. */
export const escaped = (text: string): string =>
  text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/**
 * An answer's Markdown as Slack may show it: `<!channel>` or `<@U…>` in what a model wrote calls nobody. What this makes
 * of a beginning of the text is a beginning of what it makes of the text.
 */
export const harmless = (markdown: string): string => markdown.replace(/<(?=[!@#])/g, "<\u200b");

/** The text in pieces that Slack takes. Pieces but the last do not change when text is added. */
export function pages(markdown: string): string[] {
  const characters = Array.from(harmless(markdown));
  const count = Math.max(1, Math.ceil(characters.length / PAGE_CHARS));
  return Array.from({ length: count }, (_, page) =>
    characters.slice(page * PAGE_CHARS, (page + 1) * PAGE_CHARS).join(""),
  );
}
