import { readConfig } from "../../server/config.ts";
import { Patchbay } from "../../server/main.ts";

/*
 * A whole server in a process of its own, set up by its environment. Says where it listens once it can answer, and on
 * "cpu" how much processor time it has taken; on "close" it ends.
 */

export type ToServer = "cpu" | "close";
export type FromServer = { url: string } | { cpuMs: number } | { failed: string };

const send = (message: FromServer): void => void process.send?.(message);

process.on("disconnect", () => process.exit(0));
try {
  const patchbay = await Patchbay.start(readConfig(process.env));
  await patchbay.ready;
  process.on("message", async (message: ToServer) => {
    if (message === "cpu") {
      const { user, system } = process.cpuUsage();
      send({ cpuMs: (user + system) / 1000 });
    } else {
      await patchbay.close();
      process.disconnect?.();
    }
  });
  send({ url: patchbay.url });
} catch (error) {
  send({ failed: error instanceof Error ? error.message : String(error) });
}
