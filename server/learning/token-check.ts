import { execFile } from "node:child_process";
import path from "node:path";
import { z } from "zod";

/** How many of a run's rows transformers' own tokenizer and chat template make the same tokens of. */
export interface TokenCheck {
  rows: number;
  equal: number;
}

/** What adapters/trainer/verify_tokens.py prints. */
const Report = z.object({
  rows: z.number(),
  equal: z.number(),
  different: z.array(z.object({ id: z.string(), at: z.number(), ours: z.string(), theirs: z.string() })),
});

/**
 * Asks an independent tokenizer what it makes of a run's rows. What differs is told and not refused: llama.cpp's tokens are
 * those that serve, and transformers builds some models' tokenizers wrongly from a GGUF file.
 * @returns null where it could not be compared
 */
export async function checkTokens(
  python: string,
  trainerDir: string,
  runFolder: string,
  onLine: (line: string) => void,
): Promise<TokenCheck | null> {
  const { stdout, stderr } = await output(python, [path.join(trainerDir, "verify_tokens.py"), runFolder]);
  const report = reportIn(stdout);
  if (!report) {
    onLine(`token ids could not be compared with transformers': ${stderr.trim().split("\n").at(-1)}`);
    return null;
  }
  const { rows, equal, different } = report;
  onLine(`token ids: transformers has the same for ${equal} of ${rows} rows`);
  for (const { id, at, ours, theirs } of different)
    onLine(`  row ${id} differs from token ${at} on: ${ours} here, ${theirs} there`);
  return { rows, equal };
}

/** Its exit code is 1 where rows differ, which is an answer too. */
const output = (command: string, args: string[]): Promise<{ stdout: string; stderr: string }> =>
  new Promise((resolve) => {
    execFile(command, args, (_, stdout, stderr) => resolve({ stdout, stderr }));
  });

function reportIn(stdout: string): z.infer<typeof Report> | null {
  try {
    return Report.parse(JSON.parse(stdout));
  } catch {
    return null;
  }
}
