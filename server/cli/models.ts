import fs from "node:fs";
import type { Command } from "commander";
import { readConfig } from "../config.ts";
import {
  type BaseModel,
  cachedPath,
  catalogue,
  defaultModel,
  type OnProgress,
  resolveModel,
  resolveSentenceEncoder,
  sentenceEncoder,
} from "../models/index.ts";
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
    .argument(
      "[model]",
      `a name, an hf: URI or a GGUF file (default: the default model); ${sentenceEncoder.name}: what the router hears with`,
    )
    .option("--json", "print one JSON value")
    .addHelpText("after", "\nExample:\n  $ npx patchbay models fetch")
    .action(async (model: string | undefined, options: { json?: boolean }) => {
      const config = readConfig(process.env);
      const progress = new ProgressLine();
      const onProgress = (step: string, share: number | null) => progress.show(step, share);
      const resolved = await (model === sentenceEncoder.name
        ? fetchSentenceEncoder(config.cacheDir, onProgress)
        : resolveModel(model ?? config.model, config.cacheDir, onProgress)
      ).finally(() => progress.end());
      if (options.json) printJson(resolved);
      else printLine(resolved.path);
    });
}

async function fetchSentenceEncoder(cacheDir: string, onProgress: OnProgress): Promise<BaseModel> {
  const { name, sha256 } = sentenceEncoder;
  return { name, path: await resolveSentenceEncoder(cacheDir, onProgress), sha256 };
}

const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`;
