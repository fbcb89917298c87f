import fs from "node:fs";
import { type Command, Option } from "commander";
import { exportKto } from "../feedback/index.ts";
import { withDatabase } from "./keys.ts";
import { note, printJson } from "./output.ts";

export function addFeedback(program: Command): void {
  program
    .command("feedback")
    .description("votes as reward data")
    .command("export")
    .description("write the votes as JSON lines that TRL trains on")
    .addOption(new Option("--format <format>", "row format").choices(["kto"]).default("kto"))
    .option("--adapter <id>", "only answers of this expert (`base` for the base model)")
    .option("--out <file>", "write to a file instead of standard output")
    .option("--json", "with --out: print one JSON value with what was written")
    .addHelpText("after", "\nExample:\n  $ npx patchbay feedback export --format kto --out votes.jsonl")
    .action((options: { adapter?: string; out?: string; json?: boolean }, command: Command) => {
      if (options.json && !options.out)
        command.error("error: --json needs --out FILE, since rows go to standard output", { exitCode: 2 });
      return withDatabase(async (db) => {
        const file = options.out === undefined ? null : fs.openSync(options.out, "w");
        let rows = 0;
        for await (const row of exportKto(db, options.adapter)) {
          const line = `${JSON.stringify(row)}\n`;
          if (file === null) process.stdout.write(line);
          else fs.writeSync(file, line);
          rows++;
        }
        if (file !== null) fs.closeSync(file);
        if (options.json) printJson({ rows, file: options.out });
        else note(`${rows} rows`);
      });
    });
}
