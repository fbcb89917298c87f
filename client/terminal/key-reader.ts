/** Stands for a line break in a question that is being typed: readline edits one line. */
export const LINE_BREAK = "⏎";

/** https://invisible-island.net/xterm/xterm-paste64.html */
export const PASTE_ON = "\u001b[?2004h";
export const PASTE_OFF = "\u001b[?2004l";
const PASTE_START = "\u001b[200~";
const PASTE_END = "\u001b[201~";

// biome-ignore lint/suspicious/noControlCharactersInRegex: a pasted one would be taken as a key
const CONTROLS = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]/g;

/**
 * What a terminal sends, as readline should understand it: line breaks that were pasted, or typed with Alt, belong to the
 * question instead of sending it.
 */
export class KeyReader {
  #isPasting = false;
  /** The beginning of a mark, whose end comes with the next piece. */
  #held = "";

  read(piece: string): string {
    let text = this.#held + piece;
    let keys = "";
    for (;;) {
      const mark = this.#isPasting ? PASTE_END : PASTE_START;
      const at = text.indexOf(mark);
      const until = at === -1 ? text.length - heldLength(text, mark, this.#isPasting) : at;
      const part = text.slice(0, until);
      keys += this.#isPasting ? pasted(part) : typed(part);
      if (at === -1) {
        this.#held = text.slice(until);
        return keys;
      }
      text = text.slice(at + mark.length);
      this.#isPasting = !this.#isPasting;
    }
  }
}

const pasted = (text: string): string => text.replace(/\r\n?|\n/g, LINE_BREAK).replace(CONTROLS, "");

// biome-ignore lint/suspicious/noControlCharactersInRegex: Alt is sent as an escape before the key
const typed = (text: string): string => text.replace(/\u001b[\r\n]/g, LINE_BREAK);

/** An escape alone is a key that somebody pressed; in a paste it is none, and a return may be the half of a line break. */
function heldLength(text: string, mark: string, isPasting: boolean): number {
  for (let length = mark.length - 1; length > (isPasting ? 0 : 1); length--)
    if (text.endsWith(mark.slice(0, length))) return length;
  return isPasting && text.endsWith("\r") ? 1 : 0;
}
