import { readConfig } from "../server/config.ts";
import { resolveModel } from "../server/models/index.ts";

/** The default model, fetched once before any test needs it. */
export default async function setup(): Promise<void> {
  const { cacheDir } = readConfig(process.env);
  await resolveModel(undefined, cacheDir, () => undefined);
}
