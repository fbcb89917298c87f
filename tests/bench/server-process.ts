import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { readConfig } from "../../server/config.ts";
import { Patchbay } from "../../server/main.ts";

/*
 * A whole server in a process of its own, set up by its environment. Says where it listens once it can answer, and on
 * "cpu" how much processor time it has taken; "collect" frees the memory that it no longer needs; on "close" it ends.
 */

export type ToServer = "cpu" | "collect" | "close";
export type FromServer = { url: string } | { cpuMs: number } | { collected: true } | { failed: string };

const send = (message: FromServer): void => void process.send?.(message);

process.on("disconnect", () => process.exit(0));
try {
  const patchbay = await Patchbay.start(readConfig(process.env));
  await patchbay.ready;
  process.on("message", async (message: ToServer) => {
    if (message === "cpu") {
      const { user, system } = process.cpuUsage();
      send({ cpuMs: (user + system) / 1000 });
    } else if (message === "collect") {
      setFlagsFromString("--expose-gc");
      runInNewContext("gc")();
      send({ collected: true });
    } else {
      await patchbay.close();
      process.disconnect?.();
    }
  });
  send({ url: patchbay.url });
} catch (error) {
  send({ failed: error instanceof Error ? error.message : String(error) });
}
