import { Command, Option } from "commander";
import { decodeBesideServer, decodeOnAllCores } from "./engine-decode.ts";
import type { Figure } from "./statistics.ts";
import { stopLatency } from "./stop-latency.ts";

/** Every figure of the bench by its key. */
const benches: Record<string, (note: (line: string) => void) => Promise<Figure>> = {
  engineDecode: decodeBesideServer,
  engineDecodeAllCores: decodeOnAllCores,
  stopMs: stopLatency,
};

const program = new Command("bench")
  .description("ratios measured side by side in one run: median and range of several repeats")
  .addOption(new Option("--only <key>", "measure one figure").choices(Object.keys(benches)))
  .option("--json", "print one JSON value");
program.parse();
const { only, json } = program.opts<{ only?: string; json?: boolean }>();

const results: Record<string, Figure> = {};
for (const [key, bench] of Object.entries(benches)) {
  if (only && key !== only) continue;
  results[key] = await bench((line) => process.stderr.write(`${key}: ${line}\n`));
}

if (json) process.stdout.write(`${JSON.stringify(results)}\n`);
else
  for (const [key, { median, low, high, goal, met }] of Object.entries(results))
    process.stdout.write(
      `${key}: ${median.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)}), goal ${goal}: ${met ? "met" : "missed"}\n`,
    );
