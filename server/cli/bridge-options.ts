import path from "node:path";
import { readConfig } from "../config.ts";
import { untilReady } from "./connect.ts";
import { note } from "./output.ts";

/** What every bridge to a chat service needs: a server that is ready, and a file of its own in the data folder. */
export async function bridgeOptions(service: string) {
  const { port, dataDir } = readConfig(process.env);
  const url = (process.env.PATCHBAY_URL ?? `http://127.0.0.1:${port || 3000}`).replace(/\/$/, "");
  await untilReady(url, note);
  return {
    patchbay: { url, key: process.env.PATCHBAY_KEY || undefined },
    storeFile: path.join(dataDir, `${service}.sqlite`),
    log: note,
  };
}
