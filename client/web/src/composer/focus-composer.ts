export const COMPOSER_ID = "composer";

/** Puts the caret into the message field, except where that would bring up an on-screen keyboard unasked. */
export function focusComposer(): void {
  if (matchMedia("(pointer: fine)").matches) document.getElementById(COMPOSER_ID)?.focus();
}
