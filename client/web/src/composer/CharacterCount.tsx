import { limits } from "../../../sdk/index.ts";
import { count } from "../controls/format.ts";

const SHOWN_FROM = limits.messageChars * 0.9;

/** Nobody counts characters until they run out. */
export function CharacterCount({ id, length }: { id: string; length: number }) {
  if (length < SHOWN_FROM) return null;
  const left = limits.messageChars - length;
  return (
    <p id={id} className={`composer-count tabular ${left < 0 ? "problem" : "muted"}`}>
      {left < 0 ? `${count(-left)} characters too many` : `${count(left)} characters left`}
    </p>
  );
}
