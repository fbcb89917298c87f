import readline from "node:readline";
import type { ReadStream } from "node:tty";
import { readHistory, writeHistory } from "./history.ts";
import { LINE_BREAK } from "./key-reader.ts";
import { Keyboard } from "./keyboard.ts";

const PROMPT = "\n› ";
const CONTINUED = "… ";

export interface QuestionReaderOptions {
  input: NodeJS.ReadableStream;
  output: NodeJS.WriteStream;
  historyFile: string;
  /** Ctrl-C while nobody is asked for a question. */
  onInterrupt: () => void;
}

/** Questions of somebody at a keyboard, or of a file, each of one line or more. */
export class QuestionReader {
  readonly #lines: readline.Interface;
  readonly #keyboard: Keyboard | null;
  readonly #questions: string[] = [];
  /** The lines before, each of which ended with a backslash as in a shell. */
  #begun = "";
  #isClosed = false;
  #wake: () => void = () => undefined;

  constructor({ input, output, historyFile, onInterrupt }: QuestionReaderOptions) {
    const isTerminal = (input as ReadStream).isTTY === true && output.isTTY === true;
    this.#keyboard = isTerminal ? new Keyboard(input as ReadStream, output) : null;
    this.#keyboard?.on("interrupt", onInterrupt);
    this.#lines = readline.createInterface({
      input: this.#keyboard ?? input,
      output,
      terminal: isTerminal,
      history: readHistory(historyFile),
      historySize: 500,
      removeHistoryDuplicates: true,
    });
    this.#lines.on("history", (newestFirst: string[]) => {
      if (this.#begun !== "") joinNewest(newestFirst);
      writeHistory(historyFile, newestFirst);
    });
    this.#lines.on("line", (line) => this.#onLine(line));
    this.#lines.on("SIGINT", () => this.#onCtrlC());
    this.#lines.on("close", () => {
      this.#isClosed = true;
      this.#wake();
    });
    this.#keyboard?.hold();
  }

  /** Asks for the next one, without spaces around it; null: there are no more. */
  async next(): Promise<string | null> {
    if (this.#questions.length === 0 && !this.#isClosed) {
      const woken = new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#prompt(PROMPT);
      this.#keyboard?.release();
      await woken;
      this.#keyboard?.hold();
    }
    return this.#questions.shift() ?? null;
  }

  close(): void {
    this.#lines.close();
    this.#keyboard?.leave();
  }

  #onLine(line: string): void {
    if (line.endsWith("\\")) {
      this.#begun += `${line.slice(0, -1)}\n`;
      this.#prompt(CONTINUED);
      return;
    }
    this.#questions.push(`${this.#begun}${line}`.replaceAll(LINE_BREAK, "\n").trim());
    this.#begun = "";
    this.#wake();
  }

  /** As in a shell: what was begun is given up; with nothing begun, the person leaves. */
  #onCtrlC(): void {
    if (this.#lines.line === "" && this.#begun === "") {
      this.#lines.close();
      return;
    }
    this.#begun = "";
    this.#lines.write(null, { ctrl: true, name: "e" });
    this.#lines.write(null, { ctrl: true, name: "u" });
    this.#prompt(PROMPT);
  }

  #prompt(text: string): void {
    this.#lines.setPrompt(text);
    this.#lines.prompt(true);
  }
}

/** A question of several lines is found again as one. */
function joinNewest(newestFirst: string[]): void {
  const [last = "", before = ""] = newestFirst;
  newestFirst.splice(0, 2, `${before.replace(/\\$/, LINE_BREAK)}${last}`);
}
