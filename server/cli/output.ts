import { PatchbayError } from "../protocol/index.ts";

/** One JSON value is all that a command with --json writes to standard output. */
export function printJson(value: unknown): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

export const printLine = (line: string): void => void process.stdout.write(`${line}\n`);

export const percent = (share: number): string => `${(share * 100).toFixed(1)}%`;

/** With a sign, for what is more or less than something else. */
export const signedPercent = (share: number): string => `${share < 0 ? "−" : "+"}${percent(Math.abs(share))}`;

const SHOWN = 20;

/** As many lines as people read, and how many more there are. */
export function firstOf(lines: readonly string[]): string[] {
  const more = lines.length - SHOWN;
  return more > 0 ? [...lines.slice(0, SHOWN), `… and ${more} more`] : [...lines];
}

/** Progress and messages go to standard error, so that output can be piped. */
export const note = (line: string): void => void process.stderr.write(`${line}\n`);

/** Where somebody sees how far something is: what is being done, and the share done (0 to 1) where it is known. */
export interface Progress {
  show(text: string, share: number | null): void;
  end(): void;
}

/** The progress of one of `count` tasks of like length, seen from all of them. */
export const partOf = (whole: Progress, name: string, index: number, count: number): Progress => ({
  show: (text, share) => whole.show(`${name}: ${text}`, share === null ? null : (index + share) / count),
  end: () => whole.end(),
});

/** A line that is written over by the next one where somebody watches; elsewhere only every tenth part is printed. */
export class ProgressLine implements Progress {
  #last = "";
  #tenth = -1;

  show(text: string, share: number | null): void {
    const line = share === null ? text : `${text} ${Math.floor(share * 100)}%`;
    if (process.stderr.isTTY) {
      if (line !== this.#last) process.stderr.write(`\r\u001b[K${line}`);
    } else if (share === null || Math.floor(share * 10) !== this.#tenth) {
      if (line !== this.#last) note(line);
      this.#tenth = share === null ? -1 : Math.floor(share * 10);
    }
    this.#last = line;
  }

  end(): void {
    if (process.stderr.isTTY && this.#last !== "") process.stderr.write("\n");
    this.#last = "";
  }
}

/** Columns padded to the widest cell. */
export function table(rows: string[][]): string {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return rows
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}

/** Says what went wrong, for people on standard error and, with --json, for scripts on standard output. */
export function reportFailure(cause: unknown, json: boolean): void {
  const error = cause instanceof PatchbayError ? cause : null;
  if (json) printJson({ error: error?.toBody() ?? { code: "internal", message: String(cause) } });
  note(
    error
      ? `${error.message} (${error.code})${error.hint ? `\n${error.hint}` : ""}`
      : String((cause as Error)?.stack ?? cause),
  );
}
