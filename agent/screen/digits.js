/**
 * Asks for digits, by touch or by those of any keyboard: the PIN of who approves something, which
 * nobody sees, or a number, which everybody may.
 */

import { make, setText } from "./dom.js";
import { word } from "./words.js";

const DIGITS = ["1", "2", "3", "4", "5", "6", "7", "8", "9"];
const LENGTH_MAX = 20;

const why = make("p", "why");
const dots = make("p", "dots");
const pad = make("div", "pad");
const dialog = make("dialog", "pin", make("div", "ask", why, dots), pad);
const cancel = key("", "cancel", () => finish(null));
const confirm = key("", "confirm", done);

let digits = "";
let isSecret = true;
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

/** The PIN that was keyed; null if it was given up. `reason` is a sentence for people. */
export const askPin = (reason) => askDigits(reason, "", true);

/** The number that was keyed, which may be none; null if it was given up. `before`: what it was. */
export const askNumber = (what, before) => askDigits(what, before, false);

function askDigits(reason, before, isHidden) {
  isSecret = isHidden;
  setText(why, reason);
  setText(cancel, word("cancel"));
  setText(confirm, word("confirm"));
  setDigits(before);
  dialog.setAttribute("aria-label", reason);
  if (!dialog.open) dialog.showModal();
  pad.firstElementChild.focus();
  return new Promise((resolve) => {
    finish = (keyed) => {
      dialog.close();
      setDigits("");
      resolve(keyed);
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

function done() {
  if (digits || !isSecret) finish(digits);
}

function back() {
  setDigits(digits.slice(0, -1));
}

function setDigits(text) {
  digits = text.slice(0, LENGTH_MAX);
  setText(dots, isSecret ? "●".repeat(digits.length) : digits);
  dots.setAttribute("aria-label", isSecret ? String(digits.length) : digits);
}

function onKey(event) {
  if (/^[0-9]$/.test(event.key)) setDigits(digits + event.key);
  else if (event.key === "Backspace") back();
  else if (event.key === "Enter" && (digits || !isSecret)) done();
  else return;
  event.preventDefault();
}
