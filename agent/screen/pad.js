/** Keys for an amount: by touch, or by the digits of any keyboard. Digits are minor units: 1250 is 12.50. */

import { make, setText } from "./dom.js";
import { amount } from "./words.js";

const KEYS = ["7", "8", "9", "4", "5", "6", "1", "2", "3", "⌫", "0", "00"];
const DIGITS_MAX = 9;

/** {display, keys, minor(), clear(), onKey(event)}: `minor` is null while nothing is keyed. */
export function moneyPad() {
  let digits = "";
  const display = make("output", "keyed");
  const keys = make("div", "pad", ...KEYS.map(key));

  function key(text) {
    const button = make("button", "", text);
    button.type = "button";
    button.onclick = () => press(text);
    return button;
  }

  function press(text) {
    const next = text === "⌫" ? digits.slice(0, -1) : digits + text;
    set(next.replace(/^0+(?=\d)/, ""));
  }

  function set(next) {
    if (next.length > DIGITS_MAX) return;
    digits = next;
    setText(display, digits ? amount(Number(digits)) : "");
  }

  /** True if the key was one of the pad's. */
  function onKey(event) {
    if (event.ctrlKey || event.altKey || event.metaKey) return false;
    if (/^[0-9]$/.test(event.key)) press(event.key);
    else if (event.key === "Backspace") press("⌫");
    else return false;
    event.preventDefault();
    return true;
  }

  return { display, keys, onKey, clear: () => set(""), minor: () => (digits ? Number(digits) : null) };
}
