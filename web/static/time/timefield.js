// The input for a typed time.

import { parseMoment } from "./zone.js";

/**
 * Takes the moment out of the field; where there is none it says what to type.
 * @param {HTMLInputElement} input @param {Parameters<typeof parseMoment>[1]} context
 * @returns {number | null} ms
 */
export function takeMoment(input, context) {
  const t = parseMoment(input.value, context);
  if (t === null) {
    input.setCustomValidity("Type a time such as 14:05, yesterday 9, or 10 min ago.");
    input.reportValidity();
    input.addEventListener("input", () => input.setCustomValidity(""), { once: true });
    return null;
  }
  input.value = "";
  input.blur();
  return t;
}
