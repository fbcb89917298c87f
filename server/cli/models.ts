import fs from "node:fs";
import type { Command } from "commander";
import { readConfig } from "../config.ts";
import { cachedPath, catalogue, defaultModel, resolveModel } from "../models/index.ts";
import { ProgressLine, printJson, printLine, table } from "./output.ts";

export function addModels(program: Command): void {
  const models = program.command("models").description("base models");
  models
    .command("list")
    .description("models that are known by name")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  $ npx patchbay models list")
    .action((options: { json?: boolean }) => {
      const { cacheDir } = readConfig(process.env);
      const rows = catalogue.map((model) => {
        const { name, title, bytes, sha256, licence } = model;
        const cached = fs.existsSync(cachedPath(model, cacheDir));
        return { name, title, bytes, sha256, licence, default: model === defaultModel, cached };
      });
      if (options.json) return printJson(rows);
      const cells = rows.map((row) => [
        row.name,
        megabytes(row.bytes),
        row.licence,
        row.cached ? "cached" : "",
        row.default ? "default" : "",
      ]);
      printLine(table([["NAME", "SIZE", "LICENCE", "", ""], ...cells]));
    });
  models
    .command("fetch")
    .description("download and check a model, so that everything works offline afterwards")
    .argument("[model]", "a name, an hf: URI or a GGUF file (default: the default model)")
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  $ npx patchbay models fetch")
    .action(async (model: string | undefined, options: { json?: boolean }) => {
      const config = readConfig(process.env);
      const progress = new ProgressLine();
      const resolved = await resolveModel(model ?? config.model, config.cacheDir, (step, share) =>
        progress.show(step, share),
      ).finally(() => progress.end());
      if (options.json) printJson(resolved);
      else printLine(resolved.path);
    });
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
