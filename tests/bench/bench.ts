import { CommanderError } from "commander";
import { printJson, printLine, reportFailure, table } from "../../server/cli/output.ts";
import { type Context, openContext } from "./context.ts";
import { withFolder } from "./folder.ts";
import { keysOf, measurements } from "./measurements.ts";
import { type Options, parseOptions } from "./options.ts";
import { buildPeer } from "./peer/build.ts";
import type { Figure } from "./statistics.ts";

const note = (line: string): void => void process.stderr.write(`${line}\n`);

/** Exit codes: 0 done, 1 failed, 2 wrong use. */
async function main(argv: string[]): Promise<number> {
  try {
    const options = parseOptions(argv);
    const { figures, failed } = await withFolder((folder) => {
      // Whatever is kept in temporary files meanwhile goes together, also when the bench is ended.
      process.env.TMPDIR = folder;
      return measureAll(options);
    });
    if (options.json) printJson(figures);
    else printLine(asTable(figures));
    return failed ? 1 : 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    reportFailure(error, argv.includes("--json"));
    return 1;
  }
}

/** A figure that cannot be measured is reported and left out: the others are still wanted. */
async function measureAll({ only, peer = false, minutes }: Options) {
  const isWanted = (key: string) => only === undefined || only.includes(key);
  const context = await openContext(note, { minutes, peer: (cacheDir) => buildPeer(cacheDir, note) });
  const figures: Record<string, Figure> = {};
  let failed = false;
  for (const measurement of measurements) {
    if (!keysOf(measurement).some(isWanted) || (measurement.needsPeer && !peer)) continue;
    const here: Context = { ...context, note: (line) => note(`${keysOf(measurement)[0]}: ${line}`) };
    try {
      const measured = await measurement.measure(here);
      for (const [key, value] of Object.entries(measured)) if (isWanted(key)) figures[key] = value;
    } catch (error) {
      failed = true;
      here.note(`not measured: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    }
  }
  return { figures, failed };
}

function asTable(figures: Record<string, Figure>): string {
  const units: Record<string, string> = Object.assign({}, ...measurements.map((each) => each.units));
  const rows = Object.entries(figures).map(([key, { median, low, high, goal, met }]) => {
    const range = `${shown(low)} to ${shown(high)}`;
    return [key, shown(median), range, units[key] ?? "", shown(goal), met ? "met" : "missed"];
  });
  return table([["FIGURE", "MEDIAN", "RANGE", "UNIT", "GOAL", ""], ...rows]);
}

const shown = (value: number): string => value.toFixed(Math.abs(value) < 10 ? 3 : 1);

// What a measurement has started ends with this process.
for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main(process.argv);
