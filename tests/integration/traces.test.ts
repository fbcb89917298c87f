import { describe, expect, it, onTestFinished, vi } from "vitest";
import type { Config } from "../../server/config.ts";
import { answers, dies, FaultyServer, hangs, replies, speaksAnd } from "../support/faulty-server.ts";
import { post, user } from "../support/openai.ts";
import { enginesFile } from "../support/remote.ts";
import { newPerson, startServer } from "../support/server.ts";
import { msOf, type ReceivedSpan, SpanReceiver } from "../support/span-receiver.ts";
import { ask, converse } from "../support/talk.ts";

const QUESTION = "Where is my parcel number seventeen?";
/** Words of the question, and what answers there come to. */
const said = ["seventeen", "Hello there"];
const caller = {
  traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
  spanId: "00f067aa0ba902b7",
  headers: (flags = "01") => ({
    traceparent: `00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-${flags}`,
    tracestate: "vendor=value",
  }),
};

/** A server that tells a collector, beside a model elsewhere that answers as `act` does. */
async function tracedServer(settings: Partial<Config> = {}, act = answers) {
  const receiver = await SpanReceiver.start();
  const box = await FaultyServer.start(act);
  const engines = enginesFile({
    engines: {
      box: { type: "openai", baseURL: `${box.url}/v1`, model: "big" },
      hub: { type: "huggingface", endpointUrl: box.url, model: "hub" },
    },
    order: { default: ["local"], health: ["box"], education: ["hub"] },
  });
  const server = await startServer({ engines, tracesUrl: `${receiver.url}/v1/traces`, ...settings });
  return { server, receiver, box };
}

const overV1 = (url: string, model: string, headers: Record<string, string> = {}) =>
  post(`${url}/v1/chat/completions`, { model, messages: [user(QUESTION)], max_tokens: 8, seed: 3 }, headers);

describe("traces", () => {
  it("show a turn as a span with what it asked, who answered and what it took, and its phases below", async () => {
    const { server, receiver } = await tracedServer();
    const person = await newPerson(server.url);
    const answer = await ask(await converse(person), QUESTION, "support");
    await server.close();
    const [turn] = receiver.turns as [ReceivedSpan];
    expect(receiver.spans).toHaveLength(5);
    expect(turn).toMatchObject({ name: "chat support", kind: 2, service: "patchbay", status: { code: 0 } });
    expect(turn.parentSpanId).toBeUndefined();
    const { tokens, timings } = answer;
    expect(turn.attributes).toMatchObject({
      "gen_ai.operation.name": "chat",
      "gen_ai.provider.name": "patchbay",
      "gen_ai.request.model": "support",
      "gen_ai.conversation.id": answer.conversationId,
      "gen_ai.response.id": answer.generationId,
      "gen_ai.request.temperature": expect.any(Number),
      "gen_ai.request.max_tokens": expect.any(Number),
      "gen_ai.request.seed": expect.any(Number),
      "gen_ai.usage.input_tokens": tokens?.prompt,
      "gen_ai.usage.cache_read.input_tokens": tokens?.cached,
      "gen_ai.usage.output_tokens": tokens?.completion,
      "gen_ai.response.finish_reasons": [answer.status === "cut-off" ? "length" : "stop"],
      "patchbay.expert": "support",
      "patchbay.version": answer.expert?.version,
      "patchbay.confidence": answer.decision?.confidence,
      "patchbay.pinned": true,
      "patchbay.engine": "local",
    });
    expect(turn.attributes["gen_ai.response.time_to_first_chunk"]).toBeCloseTo(
      (timings?.firstTokenMs ?? 0) / 1000,
      3,
    );
    expect(msOf(turn)).toBeCloseTo(timings?.totalMs ?? 0, 0);
    const phases = receiver.childrenOf(turn);
    expect(phases.map(({ name }) => name)).toEqual(["route", "queue", "prefill", "decode"]);
    expect(phases[0]?.startTimeUnixNano).toBe(turn.startTimeUnixNano);
    expect(phases.at(-1)?.endTimeUnixNano).toBe(turn.endTimeUnixNano);
    for (const [index, phase] of phases.slice(1).entries())
      expect(phase.startTimeUnixNano).toBe(phases[index]?.endTimeUnixNano);
    for (const words of [...said, answer.text, answer.decision?.reason])
      expect(receiver.raw).not.toContain(words);
  });

  it("belong to the caller's trace, and servers elsewhere are told so", async () => {
    const { server, receiver, box } = await tracedServer();
    expect((await overV1(server.url, "health", caller.headers())).status).toBe(200);
    expect((await overV1(server.url, "health")).status).toBe(200);
    // As wrong as it comes: a trace of its own.
    expect((await overV1(server.url, "health", { traceparent: "00-xyz-1-01" })).status).toBe(200);
    // A caller who does not want it recorded.
    expect((await overV1(server.url, "health", caller.headers("00"))).status).toBe(200);
    // Another library asks there.
    expect((await overV1(server.url, "education", caller.headers())).status).toBe(200);
    await server.close();
    const [called, alone, wrong, hub] = receiver.turns as [
      ReceivedSpan,
      ReceivedSpan,
      ReceivedSpan,
      ReceivedSpan,
    ];
    expect(receiver.turns).toHaveLength(4);
    expect(called).toMatchObject({ traceId: caller.traceId, parentSpanId: caller.spanId });
    for (const other of [alone, wrong]) {
      expect(other.parentSpanId).toBeUndefined();
      expect(other.traceId).not.toBe(caller.traceId);
    }
    const sent = box.requests.map(({ traceparent }) => traceparent);
    expect(sent.slice(0, 3)).toEqual(
      [called, alone, wrong].map(({ traceId, spanId }) => `00-${traceId}-${spanId}-01`),
    );
    expect(sent[3]).toMatch(new RegExp(`^00-${caller.traceId}-[\\da-f]{16}-00$`));
    expect(sent[4]).toBe(`00-${caller.traceId}-${hub.spanId}-01`);
    expect(called.attributes).toMatchObject({ "gen_ai.response.model": "big", "patchbay.engine": "box" });
    for (const words of said) expect(receiver.raw).not.toContain(words);
  });

  it("say how far a turn came that failed, and with which error", async () => {
    const { server, receiver } = await tracedServer({}, speaksAnd(dies));
    await overV1(server.url, "health");
    await server.close();
    const [turn] = receiver.turns as [ReceivedSpan];
    expect(turn).toMatchObject({ status: { code: 2, message: "remote-failed" } });
    expect(turn.attributes).toMatchObject({
      "error.type": "remote-failed",
      "gen_ai.response.finish_reasons": ["error"],
    });
    expect(receiver.childrenOf(turn).map(({ name }) => name)).toEqual([
      "route",
      "queue",
      "prefill",
      "decode",
    ]);
  });

  it("hold what was said where that is asked for", async () => {
    const { server, receiver } = await tracedServer({ showsText: true });
    await overV1(server.url, "health");
    await server.close();
    const [turn] = receiver.turns as [ReceivedSpan];
    const messages = JSON.parse(String(turn.attributes["gen_ai.input.messages"]));
    expect(messages[0]).toMatchObject({ role: "system", parts: [{ type: "text" }] });
    expect(messages[1]).toEqual({ role: "user", parts: [{ type: "text", content: QUESTION }] });
    expect(JSON.parse(String(turn.attributes["gen_ai.output.messages"]))).toEqual([
      { role: "assistant", parts: [{ type: "text", content: "Hello there" }], finish_reason: "stop" },
    ]);
  });

  it("are passed on as they came where nobody records them", async () => {
    const { server, receiver, box } = await tracedServer({ tracesUrl: null });
    await overV1(server.url, "health", caller.headers());
    await overV1(server.url, "health");
    await server.close();
    expect(box.requests.map(({ traceparent }) => traceparent)).toEqual([
      caller.headers().traceparent,
      undefined,
    ]);
    expect(receiver.raw).toBe("");
  });

  it("that cannot be sent are told of once, and hold up neither answers nor the end", async () => {
    vi.stubEnv("OTEL_BSP_SCHEDULE_DELAY", "20");
    onTestFinished(() => void vi.unstubAllEnvs());
    const log: string[] = [];
    const collector = await FaultyServer.start(replies(400), replies(400), hangs);
    const tracesUrl = `${collector.url}/v1/traces`;
    const server = await startServer({ tracesUrl }, { log: (line) => log.push(line) });
    for (const sent of [1, 2, 3]) {
      expect((await overV1(server.url, "base")).status).toBe(200);
      await expect.poll(() => collector.requests.length).toBe(sent);
    }
    expect(log.filter((line) => line.includes(tracesUrl))).toEqual([
      expect.stringMatching(/^traces cannot be sent to /),
    ]);
    const before = performance.now();
    await server.close();
    expect(performance.now() - before).toBeLessThan(6_000);
  });
});
