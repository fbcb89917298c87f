import { settingsReader } from "../bridge/index.ts";

export interface SlackSettings {
  botToken: string;
  /** How events come: over a socket that the bridge opens, or as HTTP requests that Slack signs. */
  events: { by: "socket"; appToken: string } | { by: "http"; signingSecret: string; port: number };
  /** Another address of Slack's Web API. */
  apiUrl: string | undefined;
}

const at = (place: string): string => `Get it at https://api.slack.com/apps → your app → ${place}.`;

/** @throws {PatchbayError} `bad-request` that names the setting and where to get it */
export function readSlackSettings(env: Record<string, string | undefined>): SlackSettings {
  const read = settingsReader(env);
  const botToken = read.needed(
    "SLACK_BOT_TOKEN",
    /^xoxb-/,
    `${at("OAuth & Permissions → Bot User OAuth Token")} No app yet? Make one from: npx patchbay slack --manifest`,
  );
  const apiUrl = read.optional("SLACK_API_URL");
  if (read.optional("SLACK_SIGNING_SECRET") && !read.optional("SLACK_APP_TOKEN")) {
    const secretAt = at("Basic Information → App Credentials → Signing Secret");
    const signingSecret = read.needed("SLACK_SIGNING_SECRET", /^\S+$/, secretAt);
    return { botToken, apiUrl, events: { by: "http", signingSecret, port: read.port("SLACK_PORT", 3001) } };
  }
  const appToken = read.needed(
    "SLACK_APP_TOKEN",
    /^xapp-/,
    `${at("Basic Information → App-Level Tokens, with the scope connections:write")} To get events by HTTP instead, set SLACK_SIGNING_SECRET (Basic Information → App Credentials).`,
  );
  return { botToken, apiUrl, events: { by: "socket", appToken } };
}
