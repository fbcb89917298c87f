import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { newRecord, type TurnRecord } from "../../server/chat/observer.ts";
import { Observe, openLog } from "../../server/observe/index.ts";
import type { Measurement } from "./context.ts";
import { REPEATS } from "./side-by-side.ts";
import { figure } from "./statistics.ts";

/** Their spans fit into the exporter's queue, so that none is dropped. */
const TURNS = 300;

/**
 * `observeMsPerTurn`: processor time for which a turn is counted, traced to a collector, whose own share in this process
 * counts too, and written down as JSON.
 */
export const observeCost: Measurement = {
  units: { observeMsPerTurn: "ms" },
  needsPeer: false,
  measure: async ({ note }) => {
    const collector = createServer((request, response) => {
      request.resume().on("end", () => response.end("{}"));
    });
    await new Promise<void>((resolve) => collector.listen(0, "127.0.0.1", resolve));
    const tracesUrl = `http://127.0.0.1:${(collector.address() as AddressInfo).port}/v1/traces`;
    try {
      // What is loaded and compiled at first is nobody's turn.
      await msPerTurn(tracesUrl);
      const times: number[] = [];
      for (let repeat = 0; repeat < REPEATS; repeat++) times.push(await msPerTurn(tracesUrl));
      note(times.map((ms) => ms.toFixed(3)).join(", "));
      return { observeMsPerTurn: figure(times, 0.5, "lower") };
    } finally {
      collector.closeAllConnections();
      collector.close();
    }
  },
};

async function msPerTurn(tracesUrl: string): Promise<number> {
  let written = 0;
  const log = openLog({ format: "json", showsText: false }, (line) => {
    written += line.length;
  });
  const observe = await Observe.start({ log, tracesUrl, showsText: false });
  const before = process.cpuUsage();
  for (let turn = 0; turn < TURNS; turn++) {
    const startedAt = performance.now();
    const id = `${turn}`.padStart(26, "0");
    const watch = observe.begin({ conversationId: id, generationId: id, requested: "auto", startedAt });
    watch.end(recordOf(startedAt), { is: "finished", reason: "stop" });
  }
  await observe.close();
  const { user, system } = process.cpuUsage(before);
  if (written === 0) throw new Error("nothing was written");
  return (user + system) / 1000 / TURNS;
}

/** A usual turn. */
const recordOf = (startedAt: number): TurnRecord => ({
  ...newRecord(startedAt),
  route: {
    decision: {
      domain: "support",
      confidence: 0.93,
      runnerUp: { domain: "education", confidence: 0.03 },
      reason: "charged, money back",
      evidence: [],
      alternative: null,
      heard: "meaning",
      head: "bench",
      pinned: false,
    },
    expert: { id: "support", title: "Support", version: "support@1", sha256: null },
    messages: [],
    sampling: { temperature: 0.2, topP: 0.9, topK: 40, minP: 0.05, repeatPenalty: 1.1, maxTokens: 256 },
    seed: 1,
  },
  engine: { name: "local", model: "bench" },
  tokens: { prompt: 61, cached: 40, completion: 88 },
  times: {
    startedAt,
    routedAt: startedAt + 3,
    prefillAt: startedAt + 10,
    decodeAt: startedAt + 120,
    firstTextAt: startedAt + 121,
    endedAt: startedAt + 900,
  },
});
