/** Asks for the PIN of who approves something: by touch, or by the digits of any keyboard. */

import { make, setText } from "./dom.js";
import { word } from "./words.js";

const DIGITS = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
const LENGTH_MAX = 12;

const why = make("p", "why");
const dots = make("p", "dots");
const pad = make("div", "pad");
const dialog = make("dialog", "pin", make("div", "ask", why, dots), pad);
const cancel = key("", "cancel", () => finish(null));
const confirm = key("", "confirm", () => digits && finish(digits));

let digits = "";
let finish = () => {};

pad.append(...DIGITS.map(digitKey), key("⌫", "", back), digitKey("0"), cancel, confirm);
dialog.addEventListener("keydown", onKey);
dialog.addEventListener("cancel", (event) => {
  event.preventDefault(); // Escape
  finish(null);
});
dots.setAttribute("role", "status");
document.body.append(dialog);

/** What it was asked for is no more. */
export function giveUpPin() {
  if (dialog.open) finish(null);
}

/** The digits that were keyed; null if it was given up. `reason` is a sentence for people. */
export function askPin(reason) {
  setText(why, reason);
  setText(cancel, word("cancel"));
  setText(confirm, word("confirm"));
  setDigits("");
  dialog.setAttribute("aria-label", reason);
  if (!dialog.open) dialog.showModal();
  pad.firstElementChild.focus();
  return new Promise((resolve) => {
    finish = (pin) => {
      dialog.close();
      setDigits("");
      resolve(pin);
    };
  });
}

function key(text, className, onclick) {
  const button = make("button", className, text);
  button.type = "button";
  button.onclick = onclick;
  return button;
}

function digitKey(digit) {
  return key(digit, "", () => setDigits(digits + digit));
}

function back() {
  setDigits(digits.slice(0, -1));
}

function setDigits(text) {
  digits = text.slice(0, LENGTH_MAX);
  setText(dots, "●".repeat(digits.length));
  dots.setAttribute("aria-label", String(digits.length));
}

function onKey(event) {
  if (/^[0-9]$/.test(event.key)) setDigits(digits + event.key);
  else if (event.key === "Backspace") back();
  else if (event.key === "Enter" && digits) finish(digits);
  else return;
  event.preventDefault();
}
