import { settingsReader } from "../bridge/index.ts";

export interface MattermostSettings {
  /** Tokens of the outgoing webhooks that may ask. */
  tokens: string[];
  /** Incoming webhook for what takes longer than a reply may. */
  incomingUrl: string;
  host: string;
  port: number;
}

/** @throws {PatchbayError} `bad-request` that names the setting and where to get it */
export function readMattermostSettings(env: Record<string, string | undefined>): MattermostSettings {
  const read = settingsReader(env);
  const tokens = read.needed(
    "MATTERMOST_TOKEN",
    /^[\w-]+(,[\w-]+)*$/,
    "Mattermost shows it when you make a webhook: Integrations → Outgoing Webhooks. Several are separated by commas.",
  );
  const incomingUrl = read.needed(
    "MATTERMOST_INCOMING_URL",
    /^https?:\/\/\S+$/,
    "Mattermost shows it when you make a webhook: Integrations → Incoming Webhooks.",
  );
  return {
    tokens: tokens.split(","),
    incomingUrl,
    host: read.optional("MATTERMOST_HOST") ?? "127.0.0.1",
    port: read.port("MATTERMOST_PORT", 3002),
  };
}
