/** Something that the lane is told to do, with the PIN of who approves it where one is asked for. */

import { ask } from "./link.js";
import { askPin } from "./digits.js";
import { word } from "./words.js";

/** Refusals that a PIN may help against. */
const ASKS_PIN = /_needed$|^pin_wrong$/;

/** Not about who: these end in `_needed` as well. */
const OTHERS = new Set(["amount_needed", "tender_needed"]);

/**
 * {isDone, text, answer}: what became of it, in words; no words if it was given up. `answer` is what
 * the lane said, null if nobody heard it.
 */
export async function act(path, body) {
  const language = document.documentElement.lang;
  let pin = "";
  while (pin !== null) {
    const response = await ask(path, { method: "POST", language, body: { ...body, pin } }).catch(() => null);
    const answer = await response?.json().catch(() => null);
    if (response?.ok) return { isDone: true, text: answer.message, answer };
    if (!ASKS_PIN.test(answer?.code) || OTHERS.has(answer.code)) {
      return { isDone: false, text: answer?.detail ?? word("not_answered"), answer };
    }
    pin = await askPin(answer.detail);
  }
  return { isDone: false, text: "", answer: {} };
}
