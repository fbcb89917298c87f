import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { nextMessage } from "./next-message.ts";
import type { FromTraining } from "./training-process.ts";

const END_MS = 30_000;

/** A real training that runs until it is stopped, and can be held and let go in between. Not on Windows. */
export class Training {
  readonly #child: ChildProcess;
  readonly #pid: number;
  readonly #onExit = (): void => this.#signal("SIGKILL");

  /** Resolves once its steps run; the first time it makes its Python environment, which takes minutes. */
  static async start(adapterId: string, folder: string, note: (line: string) => void): Promise<Training> {
    const child = fork(path.join(import.meta.dirname, "training-process.js"), [adapterId, folder], {
      // A process group of its own: held and let go together with the trainer that it starts.
      detached: true,
      execArgv: [],
    });
    const training = new Training(child);
    child.on("message", (message: FromTraining) => "note" in message && note(message.note));
    try {
      await training.nextStep();
      return training;
    } catch (error) {
      await training.stop();
      throw error;
    }
  }

  private constructor(child: ChildProcess) {
    if (child.pid === undefined) throw new Error("the training process could not be started");
    this.#child = child;
    this.#pid = child.pid;
    process.once("exit", this.#onExit);
  }

  hold(): void {
    this.#signal("SIGSTOP");
  }

  letGo(): void {
    this.#signal("SIGCONT");
  }

  /** Resolves at the end of the step that runs. @throws {Error} where the training ended */
  async nextStep(): Promise<void> {
    for (;;) {
      const message = await nextMessage<FromTraining>(this.#child);
      if ("failed" in message) throw new Error(`the training did not go on: ${message.failed}`);
      if ("step" in message) return;
    }
  }

  async stop(): Promise<void> {
    process.off("exit", this.#onExit);
    if (this.#hasEnded) return;
    const exited = once(this.#child, "exit");
    this.letGo();
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#signal("SIGKILL"), END_MS);
    await exited;
    clearTimeout(timer);
  }

  get #hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** To the whole group. */
  #signal(signal: NodeJS.Signals): void {
    if (!this.#hasEnded) process.kill(-this.#pid, signal);
  }
}
