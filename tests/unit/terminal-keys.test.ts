import fc from "fast-check";
import { expect, it } from "vitest";
import { KeyReader, LINE_BREAK } from "../../client/terminal/key-reader.ts";

const paste = (text: string) => `\u001b[200~${text}\u001b[201~`;

it("makes one question of pasted lines, and sends it with the return that was typed", () => {
  expect(new KeyReader().read(`why ${paste("one\ntwo\r\nthree\rfour")}\r`)).toBe(
    `why one${LINE_BREAK}two${LINE_BREAK}three${LINE_BREAK}four\r`,
  );
});

it("goes on in the next line with Alt+Enter, and lets other keys through", () => {
  expect(new KeyReader().read("a\u001b\rb\u001b[A\u001bf\r")).toBe(`a${LINE_BREAK}b\u001b[A\u001bf\r`);
});

it("takes no key from what was pasted", () => {
  expect(new KeyReader().read(paste("x\u0003\u0004\u001b[A\ty"))).toBe("x[A\ty");
});

it("reads the same in whatever pieces a paste comes", () => {
  const key = fc.constantFrom("a", "\n", "\r", "\r\n", "é", " ", "[20", "1~");
  const text = fc.array(key).map((keys) => keys.join(""));
  fc.assert(
    fc.property(text, fc.integer({ min: 1, max: 4 }), (pasted, size) => {
      const whole = `\u001b[200~${pasted}\u001b[201~\r`;
      const reader = new KeyReader();
      // A terminal sends the first mark in one piece.
      const pieces = [whole.slice(0, 6), ...(whole.slice(6).match(new RegExp(`[^]{1,${size}}`, "g")) ?? [])];
      expect(pieces.map((piece) => reader.read(piece)).join("")).toBe(new KeyReader().read(whole));
    }),
  );
});

it("is back at the keyboard after each paste", () => {
  const reader = new KeyReader();
  expect(reader.read(paste("one\n") + paste("two"))).toBe(`one${LINE_BREAK}two`);
  expect(reader.read("\r")).toBe("\r");
});
