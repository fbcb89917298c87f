import { setTimeout as sleep } from "node:timers/promises";
import { expect, it } from "vitest";
import { connectRemote } from "../../server/engines/connect-remote.ts";
import { EngineOrder } from "../../server/engines/engine-order.ts";
import { answers, answersWith, FaultyServer, replies } from "../support/faulty-server.ts";
import { generate, request } from "../support/generate.ts";
import { remoteEntry } from "../support/remote.ts";

const log: string[] = [];

function engineAt(name: string, { url }: FaultyServer) {
  const entry = remoteEntry({ type: "openai", baseURL: `${url}/v1`, model: name });
  const engine = connectRemote(name, entry, { basePath: "", onLog: (line) => log.push(line) });
  return { name, engine, isReady: () => engine.isReady };
}

it("a question goes to the engines of its domain, also where that has no adapter", async () => {
  const [cloud, box] = [await FaultyServer.start(answers), await FaultyServer.start(answers)];
  const domains = new Map([
    ["health", ["box"]],
    ["base", ["cloud"]],
  ]);
  const members = [engineAt("cloud", cloud), engineAt("box", box)];
  const order = new EngineOrder(members, { default: ["cloud"], domains }, (line) => log.push(line));
  const { started } = await generate(order, request("It hurts.", { domain: "health", adapter: null }));
  expect(started.remote?.engine).toBe("box");
  expect(cloud.requests).toEqual([]);
});

it("an engine that asks for a pause is passed over at once while another is free, until that is over", async () => {
  const busy = await FaultyServer.start(replies(429, {}, { "retry-after": "2" }), answersWith("First"));
  const free = await FaultyServer.start(answersWith("Second"));
  const members = [engineAt("busy", busy), engineAt("free", free)];
  const order = new EngineOrder(members, { default: ["busy", "free"], domains: new Map() }, (line) =>
    log.push(line),
  );
  const ask = async () => (await generate(order, request("Hello"))).text;
  const askedAt = performance.now();
  expect([await ask(), await ask()]).toEqual(["Second", "Second"]);
  expect(performance.now() - askedAt).toBeLessThan(1_500);
  expect(busy.requests.length).toBe(1);
  await sleep(2_000);
  expect(await ask()).toBe("First");
});
