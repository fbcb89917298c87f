import { execFile } from "node:child_process";
import fs from "node:fs";
import path from "node:path";
import { promisify } from "node:util";
import { expect, it } from "vitest";
import { packageRoot } from "../../server/config.ts";
import type { AdapterFile } from "../../server/engines/index.ts";
import { writePeftCopy } from "../../server/engines/openai/peft-copy.ts";
import { pythonEnvironment } from "../../server/learning/index.ts";
import { resolveModel } from "../../server/models/index.ts";
import { config, shippedAdapters } from "../support/engine.ts";
import { temporaryFolder } from "../support/folder.ts";

const nothing = () => undefined;

it("a PEFT copy has the weights of the adapter's file, bit for bit, for PEFT itself", async () => {
  const base = await resolveModel(undefined, config.cacheDir, nothing);
  const requirements = path.join(packageRoot, "adapters", "trainer", "requirements.txt");
  const python = await pythonEnvironment(requirements, config.cacheDir, nothing);
  const adapter = (await shippedAdapters()).get("support") as AdapterFile;
  const folder = temporaryFolder();
  const name = await writePeftCopy(adapter, { folder, basePath: base.path, baseModel: "base" });
  const script = path.join(packageRoot, "tests", "integration", "check_peft_copy.py");
  const arguments_ = [script, base.path, adapter.path, path.join(folder, name)];
  const { stdout } = await promisify(execFile)(python, arguments_);
  // 30 blocks of seven projections; alpha 16, rank 8.
  expect(JSON.parse(stdout)).toEqual({ tensors: 420, different: 0, zero: 0, scalings: [2] });
}, 900_000);

it("a PEFT copy is not made of a file that is not the adapter's, and leaves nothing behind", async () => {
  const base = await resolveModel(undefined, config.cacheDir, nothing);
  const adapter = (await shippedAdapters()).get("support") as AdapterFile;
  const folder = temporaryFolder();
  const other = path.join(temporaryFolder(), path.basename(adapter.path));
  fs.writeFileSync(other, "GGUF and something else");
  const copy = writePeftCopy({ ...adapter, path: other }, { folder, basePath: base.path, baseModel: "base" });
  await expect(copy).rejects.toMatchObject({ code: "adapter-hash-mismatch" });
  expect(fs.readdirSync(folder)).toEqual([]);
});
