import { Transform, type TransformCallback } from "node:stream";
import { StringDecoder } from "node:string_decoder";
import type { ReadStream } from "node:tty";
import { KeyReader, PASTE_OFF, PASTE_ON } from "./key-reader.ts";

const CTRL_C = "\u0003";

/**
 * The keyboard of a terminal in front of readline. While it is held, what is typed waits, so that it does not appear in
 * the middle of an answer; Ctrl-C alone is told at once (`interrupt`).
 */
export class Keyboard extends Transform {
  readonly #terminal: ReadStream;
  readonly #screen: NodeJS.WriteStream;
  readonly #reader = new KeyReader();
  readonly #decoder = new StringDecoder("utf8");
  readonly #onExit = () => void this.#screen.write(PASTE_OFF);
  #held: string | null = null;

  constructor(terminal: ReadStream, screen: NodeJS.WriteStream) {
    super();
    this.#terminal = terminal;
    this.#screen = screen;
    screen.write(PASTE_ON);
    // A shell that is left with it would show the marks of what is pasted there.
    process.once("exit", this.#onExit);
    terminal.pipe(this);
  }

  /** Readline asks for it as of a terminal. */
  get isRaw(): boolean {
    return this.#terminal.isRaw;
  }

  setRawMode(mode: boolean): this {
    this.#terminal.setRawMode(mode);
    return this;
  }

  hold(): void {
    this.#held ??= "";
  }

  release(): void {
    const keys = this.#held;
    this.#held = null;
    if (keys) this.push(this.#reader.read(keys));
  }

  /** Gives the terminal back. */
  leave(): void {
    process.off("exit", this.#onExit);
    this.#onExit();
    this.#terminal.unpipe(this);
    this.#terminal.pause();
    this.destroy();
  }

  override _transform(bytes: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    const keys = this.#decoder.write(bytes);
    if (this.#held === null) {
      done(null, this.#reader.read(keys));
      return;
    }
    if (keys.includes(CTRL_C)) this.emit("interrupt");
    this.#held += keys.replaceAll(CTRL_C, "");
    done();
  }
}
