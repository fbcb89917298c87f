import { spawn } from "node:child_process";
import path from "node:path";
import readline from "node:readline";
import { z } from "zod";
import { PatchbayError } from "../protocol/index.ts";

/** What the Python trainer reports, a JSON line each: adapters/trainer/README.md. */
export const TrainerEvent = z.discriminatedUnion("event", [
  z.object({ event: z.literal("loading") }),
  z.object({
    event: z.literal("loaded"),
    seconds: z.number(),
    device: z.string(),
    threads: z.number(),
    dtype: z.string(),
  }),
  z.object({
    event: z.literal("evaluated"),
    which: z.enum(["base", "adapter"]),
    loss: z.number(),
    tokens: z.number(),
    rows: z.number(),
  }),
  z.object({
    event: z.literal("step"),
    /** What its batch teaches. */
    task: z.enum(["answer", "label"]),
    step: z.number(),
    steps: z.number(),
    epoch: z.number(),
    loss: z.number(),
    learningRate: z.number(),
    tokensPerSecond: z.number(),
    etaSeconds: z.number(),
  }),
  /** A stopped run goes on after this step. */
  z.object({ event: z.literal("resumed"), step: z.number() }),
  z.object({ event: z.literal("parity-reference"), rows: z.number(), tokens: z.number() }),
  z.object({ event: z.literal("saved"), gguf: z.string(), peft: z.string() }),
  z.object({ event: z.literal("stopped"), step: z.number().nullish() }),
  z.object({ event: z.literal("failed"), code: z.string(), message: z.string() }),
]);
export type TrainerEvent = z.infer<typeof TrainerEvent>;

/**
 * For glibc's allocator, which others ignore: keep what a step frees for the next one, and take large pages. A step asks
 * for gigabytes in pieces of megabytes, which would each be mapped, zeroed and given back again.
 */
const MEMORY_IS_KEPT = [
  "hugetlb=1",
  "mmap_threshold=4294967296",
  "trim_threshold=17179869184",
  "top_pad=268435456",
]
  .map((setting) => `glibc.malloc.${setting}`)
  .join(":");

const STOP_SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Runs adapters/trainer/sft.py on a run folder. A signal that would end this process asks the trainer to stop where it
 * can go on later; a second one does not wait.
 * @throws {PatchbayError} `training-failed`, `training-stopped`
 */
export async function runTrainer(
  python: string,
  trainerDir: string,
  runFolder: string,
  onEvent: (event: TrainerEvent) => void,
): Promise<void> {
  const child = spawn(python, [path.join(trainerDir, "sft.py"), runFolder], {
    stdio: ["ignore", "pipe", "pipe"],
    env: { GLIBC_TUNABLES: MEMORY_IS_KEPT, ...process.env },
    // Ctrl-C goes to the terminal's whole group: told by that and by us, the trainer would take it for a second one.
    detached: process.platform !== "win32",
  });
  let failure: string | null = null;
  let stoppedAfter: number | null = null;
  let tail = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    tail = (tail + text).slice(-4_000);
  });
  const stop = () => void child.kill("SIGTERM");
  for (const signal of STOP_SIGNALS) process.on(signal, stop);
  const lines = readline.createInterface({ input: child.stdout });
  lines.on("line", (line) => {
    const event = TrainerEvent.parse(JSON.parse(line));
    if (event.event === "failed") failure = event.message;
    if (event.event === "stopped") stoppedAfter = event.step ?? 0;
    onEvent(event);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  for (const signal of STOP_SIGNALS) process.off(signal, stop);
  if (code === 0) return;
  if (stoppedAfter !== null)
    throw new PatchbayError(
      "training-stopped",
      stoppedAfter === 0
        ? "Training was stopped before its first step."
        : `Training was stopped after step ${stoppedAfter}, which is kept.`,
    );
  throw new PatchbayError(
    "training-failed",
    `Training did not finish: ${failure ?? tail.trim().split("\n").at(-1) ?? `code ${code}`}`,
    { details: tail },
  );
}
