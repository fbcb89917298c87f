import { execFile } from "node:child_process";
import { promisify } from "node:util";
import type { Sampling } from "../../../server/engines/index.ts";
import type { Prompt } from "../prompts.ts";
import type { Peer } from "./build.ts";

const run = promisify(execFile);

export interface SingleStream {
  modelPath: string;
  threads: number;
  contextSize: number;
}

/**
 * Tokens per second of llama-completion, llama.cpp's plain loop in C++, once it decodes: what evaluating and sampling a
 * token take by its own clocks. Loading, the prompt and writing the text out are left aside.
 */
export async function completionSpeed(
  peer: Peer,
  { modelPath, threads, contextSize }: SingleStream,
  { prompt, sampling, seed }: { prompt: Prompt; sampling: Sampling; seed: number },
): Promise<number> {
  const flags = {
    "-m": modelPath,
    "-t": threads,
    "-c": contextSize,
    "-n": sampling.maxTokens,
    "-s": seed,
    "--temp": sampling.temperature,
    "--top-k": sampling.topK,
    "--top-p": sampling.topP,
    "--min-p": sampling.minP,
    "--repeat-penalty": sampling.repeatPenalty,
    "--device": "none",
    "-p": prompt.text,
  };
  const switches = ["-no-cnv", "--ignore-eos", "--no-display-prompt", "--no-escape", "--perf", "--offline"];
  const { stderr } = await run(peer.completion, [...Object.entries(flags).flat().map(String), ...switches]);
  const [, promptTokens] = measured(stderr, /prompt eval time = +([\d.]+) ms \/ +(\d+) tokens/);
  if (promptTokens !== prompt.tokens.length)
    throw new Error(`llama-completion read ${promptTokens} tokens instead of ${prompt.tokens.length}`);
  const [evalMs, evals] = measured(stderr, /: +eval time = +([\d.]+) ms \/ +(\d+) runs/);
  const [samplingMs] = measured(stderr, /sampling time = +([\d.]+) ms/);
  return 1000 / (evalMs / evals + samplingMs / sampling.maxTokens);
}

/** Tokens per second of llama-bench's text generation: evaluation alone, from an empty context. */
export async function benchSpeed(
  peer: Peer,
  { modelPath, threads }: SingleStream,
  tokens: number,
): Promise<number> {
  const flags = { "-m": modelPath, "-t": threads, "-n": tokens, "-p": 0, "-dev": "none", "-o": "json" };
  const { stdout } = await run(peer.bench, Object.entries(flags).flat().map(String));
  const [test]: { avg_ts: number }[] = JSON.parse(stdout);
  if (!test) throw new Error("llama-bench printed no result");
  return test.avg_ts;
}

function measured(printed: string, pattern: RegExp): [first: number, second: number] {
  const found = pattern.exec(printed);
  if (!found) throw new Error(`llama-completion printed no ${pattern.source.split(" =")[0]}`);
  return [Number(found[1]), Number(found[2])];
}
