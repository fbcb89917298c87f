import { getLlama, type Llama, LlamaLogLevel, type LlamaModel, type Token } from "node-llama-cpp";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import type { AdapterFile } from "../../server/engines/index.ts";
import { ContextPool, type Slot } from "../../server/engines/local/context-pool.ts";
import { PromptStates } from "../../server/engines/local/prompt-states.ts";
import { resolveModel } from "../../server/models/index.ts";
import { config, shippedAdapters } from "../support/engine.ts";
import { temporaryFolder } from "../support/folder.ts";

let llama: Llama;
let model: LlamaModel;
let support: AdapterFile;
let health: AdapterFile;

beforeAll(async () => {
  const base = await resolveModel(undefined, config.cacheDir, () => undefined);
  llama = await getLlama({ gpu: false, build: "never", progressLogs: false, logLevel: LlamaLogLevel.error });
  model = await llama.loadModel({ modelPath: base.path });
  const adapters = await shippedAdapters();
  support = adapters.get("support") as AdapterFile;
  health = adapters.get("health") as AdapterFile;
});
afterAll(() => llama.dispose());

const tokens = (text: string): Token[] => model.tokenize(text);
const SYSTEM = "You answer questions about parcels and bills, briefly and kindly.";

/** A pool of its own: nothing is known in it yet. */
function coldPool(maxContexts = 2) {
  const states = new PromptStates(temporaryFolder());
  const pool = new ContextPool(model, {
    contextSize: 512,
    sequences: 2,
    threads: 1,
    batchSize: 256,
    maxContexts,
    budgetBytes: Number.POSITIVE_INFINITY,
    states,
    folder: temporaryFolder(),
    msPerPromptToken: () => 3,
    now: () => performance.now(),
  });
  onTestFinished(async () => {
    for (const key of ["base", support.sha256, health.sha256]) await pool.close(key);
  });
  return { pool, states };
}

async function lend(pool: ContextPool, adapter: AdapterFile | null, prompt: Token[]): Promise<Slot> {
  const want = { key: adapter?.sha256 ?? "base", adapter, tokens: prompt, background: false };
  const slot = await pool.lease(want);
  if (!slot) throw new Error("no sequence is free");
  return slot;
}

/** Reads the rest of the prompt in one batch; the logits of every possible next token. */
async function logitsAfter({ sequence }: Slot, prompt: Token[]): Promise<Float64Array> {
  const rest = prompt.slice(sequence.nextTokenIndex);
  const input = rest.map((token, index) =>
    index < rest.length - 1 ? token : ([token, { generateNext: { logits: true } }] as [Token, object]),
  );
  const output = (await sequence.controlledEvaluate(input)).at(-1);
  const logits = output?.next.logits;
  if (!logits) throw new Error("no logits");
  const all = new Float64Array(logits.size);
  for (const [token, logit] of logits) all[token] = logit;
  return all;
}

/** As the answer to `prompt` would leave it: read up to there, in one batch. */
async function read({ sequence }: Slot, prompt: Token[]): Promise<void> {
  await sequence.evaluateWithoutGeneratingNewTokens(prompt.slice(sequence.nextTokenIndex));
}

/** A cold run that reads in the same batches, so that not even rounding may differ. */
async function coldLogits(
  adapter: AdapterFile | null,
  before: Token[],
  prompt: Token[],
): Promise<Float64Array> {
  const { pool } = coldPool();
  const slot = await lend(pool, adapter, prompt);
  expect(slot.sequence.nextTokenIndex).toBe(0);
  await read(slot, before);
  const logits = await logitsAfter(slot, prompt);
  pool.release(slot);
  return logits;
}

const furthest = (a: Float64Array, b: Float64Array): number =>
  a.reduce((most, value, index) => Math.max(most, Math.abs(value - (b[index] ?? Number.NaN))), 0);

describe("state that is kept from turn to turn", () => {
  it("gives the next turn of a conversation the logits of a cold run, bit for bit", async () => {
    const first = tokens(`${SYSTEM} Where is my parcel?`);
    const next = [...first, ...tokens(" It left the depot this morning. And when will it be here?")];
    const { pool } = coldPool();
    const slot = await lend(pool, support, first);
    await read(slot, first);
    pool.release(slot);
    const again = await lend(pool, support, next);
    expect(again.sequence.nextTokenIndex).toBe(first.length);
    expect(furthest(await logitsAfter(again, next), await coldLogits(support, first, next))).toBe(0);
    pool.release(again);
  });

  it("drops what another branch left behind", async () => {
    const shared = tokens(`${SYSTEM} Where is my parcel?`);
    const one = [...shared, ...tokens(" I waited for it all of yesterday and nobody came to the door.")];
    const other = [...shared, ...tokens(" The tracking page shows nothing at all.")];
    const { pool } = coldPool();
    const slot = await lend(pool, support, one);
    await read(slot, shared);
    await read(slot, one);
    pool.release(slot);
    const again = await lend(pool, support, other);
    expect(again.sequence.nextTokenIndex).toBe(shared.length);
    expect(furthest(await logitsAfter(again, other), await coldLogits(support, shared, other))).toBe(0);
    pool.release(again);
  });

  it("never crosses adapters, not even for the same words", async () => {
    const prompt = tokens(`${SYSTEM} What should I do now?`);
    const before = prompt.slice(0, -1);
    const { pool } = coldPool(3);
    const results: Float64Array[] = [];
    for (const adapter of [support, health, null]) {
      const slot = await lend(pool, adapter, prompt);
      expect(slot.sequence.nextTokenIndex).toBe(0);
      await read(slot, before);
      pool.release(slot);
    }
    for (const adapter of [support, health, null]) {
      const slot = await lend(pool, adapter, prompt);
      expect(slot.sequence.nextTokenIndex).toBe(before.length);
      const logits = await logitsAfter(slot, prompt);
      pool.release(slot);
      expect(furthest(logits, await coldLogits(adapter, before, prompt))).toBe(0);
      results.push(logits);
    }
    const [a, b, c] = results as [Float64Array, Float64Array, Float64Array];
    for (const distance of [furthest(a, b), furthest(a, c), furthest(b, c)])
      expect(distance).toBeGreaterThan(1);
  });

  it("starts from a system prompt that was warmed, also in another sequence and in a new context", async () => {
    const system = tokens(SYSTEM);
    const prompt = [...system, ...tokens(" My bill is wrong.")];
    const { pool, states } = coldPool(1);
    const slot = await lend(pool, support, prompt);
    await read(slot, system);
    await states.save(support.sha256, slot.sequence);
    const cold = await coldLogits(support, system, prompt);
    const beside = await lend(pool, support, prompt);
    expect(beside.sequence.nextTokenIndex).toBe(system.length);
    expect(furthest(await logitsAfter(beside, prompt), cold)).toBe(0);
    pool.release(slot);
    pool.release(beside);
    // Another adapter takes the only context, and nothing of this one's state.
    const foreign = await lend(pool, health, prompt);
    expect(foreign.sequence.nextTokenIndex).toBe(0);
    pool.release(foreign);
    const anew = await lend(pool, support, prompt);
    expect(anew.sequence.nextTokenIndex).toBe(system.length);
    expect(furthest(await logitsAfter(anew, prompt), cold)).toBe(0);
    pool.release(anew);
  });

  it("gives the widened adapter the logits of the shipped file", async () => {
    const prompt = tokens(`${SYSTEM} I was charged twice.`);
    const { pool } = coldPool();
    const slot = await lend(pool, support, prompt);
    const widened = await logitsAfter(slot, prompt);
    pool.release(slot);
    const context = await model.createContext({
      contextSize: 512,
      threads: 1,
      lora: { adapters: [{ filePath: support.path }] },
    });
    onTestFinished(() => context.dispose());
    const sequence = context.getSequence();
    const shipped = await logitsAfter({ group: "", index: 0, sequence, usedAt: 0 }, prompt);
    const { pool: bare } = coldPool();
    const none = await lend(bare, null, prompt);
    const without = await logitsAfter(none, prompt);
    bare.release(none);
    // The kernels round differently; without the adapter the logits are elsewhere altogether.
    expect(furthest(widened, shipped)).toBeLessThan(furthest(widened, without) / 5);
  });
});
