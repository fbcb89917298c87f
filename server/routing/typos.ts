import { randomNumbers } from "../random.ts";

const ROWS = ["qwertyuiop", "asdfghjkl", "zxcvbnm"];

/**
 * A text as hasty fingers write it: each letter goes wrong with the given probability, as a neighbour on the keyboard, left
 * out, doubled, or swapped with the next (the slips of Damerau 1964). Equal seeds give equal slips.
 */
export function mistype(text: string, rate: number, seed: number): string {
  const random = randomNumbers(seed);
  const letters = Array.from(text);
  let written = "";
  for (let at = 0; at < letters.length; at++) {
    const letter = letters[at] as string;
    if (!/\p{L}/u.test(letter) || random() >= rate) {
      written += letter;
      continue;
    }
    const slip = Math.floor(4 * random());
    if (slip === 0) written += neighbourOf(letter, random);
    else if (slip === 1) written += letter + letter;
    else if (slip === 2 && at + 1 < letters.length) written += `${letters[++at]}${letter}`;
  }
  return written;
}

/** Keys beside a letter's; none for other signs. */
export const neighboursOf = (key: string): string[] =>
  ROWS.flatMap((keys) => {
    const at = keys.indexOf(key);
    return at < 0 ? [] : [...keys.slice(Math.max(0, at - 1), at), ...keys.slice(at + 1, at + 2)];
  });

function neighbourOf(letter: string, random: () => number): string {
  const row = ROWS.find((keys) => keys.includes(letter.toLowerCase()));
  if (!row) return "";
  const at = row.indexOf(letter.toLowerCase());
  return row[at === 0 || (random() < 0.5 && at + 1 < row.length) ? at + 1 : at - 1] ?? letter;
}
