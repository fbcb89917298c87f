import { Command, InvalidArgumentError, Option } from "commander";
import { keysOf, measurements } from "./measurements.ts";

export interface Options {
  /** undefined: every figure that the other options allow. */
  only?: string[];
  peer?: boolean;
  minutes: number;
  json?: boolean;
}

/** @throws {CommanderError} where it was used wrongly, which has been said; also for --help, with exit code 0 */
export function parseOptions(argv: string[]): Options {
  const program = new Command("bench")
    .description("figures measured side by side in one run: median and range of several repeats")
    .addOption(new Option("--only <keys...>", "measure these figures").choices(measurements.flatMap(keysOf)))
    .option("--peer", "also compare with llama.cpp's own programs, which are built at the first use")
    .option("--minutes <n>", "length of zipf100's traffic", positive, 5)
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  $ npm run bench -- --peer --only decode mixedAdapters --json")
    .exitOverride();
  program.parse(argv);
  const options = program.opts<Options>();
  const missing = measurements
    .filter(({ needsPeer }) => needsPeer && !options.peer)
    .flatMap(keysOf)
    .filter((key) => options.only?.includes(key));
  if (missing.length > 0) program.error(`${missing.join(" and ")} can be measured with --peer only`);
  return options;
}

function positive(text: string): number {
  const value = Number(text);
  if (value > 0) return value;
  throw new InvalidArgumentError("It has to be a number above 0.");
}
