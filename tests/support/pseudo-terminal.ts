import { type ChildProcess, spawn } from "node:child_process";
import { stripVTControlCharacters } from "node:util";
import { expect, onTestFinished } from "vitest";
import { bin } from "./cli.ts";

/** Runs its arguments in a terminal of 24 lines of 100 columns, and is its keyboard and screen. */
const BRIDGE = `
import fcntl, os, pty, struct, sys, termios
pid, terminal = pty.fork()
if pid == 0: os.execvp(sys.argv[1], sys.argv[1:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 100, 0, 0))
try: pty._copy(terminal)
except OSError: pass
sys.exit(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]))
`;

/** The command in a real terminal, as somebody has it before them. */
export class PseudoTerminal {
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>;
  readonly #child: ChildProcess;
  #raw = "";

  /** @param env on top of this process's */
  static run(args: string[], env: Record<string, string | undefined>): PseudoTerminal {
    const child = spawn("python3", ["-c", BRIDGE, process.execPath, bin, ...args], {
      env: { ...process.env, PATCHBAY_GPU: "off", TERM: "xterm-256color", NO_COLOR: undefined, ...env },
    });
    onTestFinished(() => void child.kill("SIGKILL"));
    return new PseudoTerminal(child);
  }

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#raw += text;
    });
    this.ended = new Promise((resolve, reject) => child.on("error", reject).on("close", resolve));
  }

  /** Everything that was written to the screen, as it came. */
  get raw(): string {
    return this.#raw;
  }

  /** The same without colours and cursor movements. */
  get shown(): string {
    return stripVTControlCharacters(this.#raw).replaceAll("\r", "");
  }

  type(keys: string): void {
    this.#child.stdin?.write(keys);
  }

  /** Types and waits until something new is on the screen. */
  async after(keys: string, pattern: RegExp): Promise<void> {
    const from = this.shown.length;
    this.type(keys);
    await expect.poll(() => this.shown.slice(from), { timeout: 30_000 }).toMatch(pattern);
  }
}
