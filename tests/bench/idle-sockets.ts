import { residentMiB } from "../support/resident.ts";
import type { Context, Measurement } from "./context.ts";
import { withFolder } from "./folder.ts";
import { pause, REPEATS } from "./side-by-side.ts";
import { figure } from "./statistics.ts";
import { Person, WholeServer } from "./whole-server.ts";

const SOCKETS = 1_000;
/** They come at once in such groups, and the first of them go again, so that what all of them share is there before. */
const GROUP = 50;
const SETTLE_MS = 3_000;
const MB_PER_MIB = 1.048576;

/** `idleSockets`: what the server process takes more with a thousand people connected who do nothing. */
export const idleSockets: Measurement = {
  units: { idleSockets: "MB" },
  needsPeer: false,
  measure: async (context) => {
    const growth: number[] = [];
    for (let repeat = 1; repeat <= REPEATS; repeat++)
      growth.push(await withFolder((dataDir) => growthMB(context, dataDir, `${repeat} of ${REPEATS}`)));
    return { idleSockets: figure(growth, 150, "lower") };
  },
};

/** A server of its own each time: memory that was given back may stay with the process. */
async function growthMB({ note }: Context, dataDir: string, label: string): Promise<number> {
  const server = await WholeServer.start(dataDir);
  const people: Person[] = [];
  const come = async (url: string) => {
    people.push(...(await Promise.all(Array.from({ length: GROUP }, () => Person.visit(url)))));
  };
  const leave = () => {
    for (const person of people.splice(0)) person.leave();
  };
  try {
    await come(server.url);
    leave();
    await server.collectGarbage();
    await pause(SETTLE_MS);
    const before = await residentMiB(server.pid);
    while (people.length < SOCKETS) await come(server.url);
    await pause(SETTLE_MS);
    const after = await residentMiB(server.pid);
    const growth = (after - before) * MB_PER_MIB;
    note(
      `${label}: ${before.toFixed(0)} MiB, with ${people.length} idle sockets ${after.toFixed(0)} MiB: ${growth.toFixed(0)} MB more, ${((growth * 1000) / SOCKETS).toFixed(0)} kB each`,
    );
    return growth;
  } finally {
    leave();
    await server.close();
  }
}
