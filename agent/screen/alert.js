/**
 * The red alert: what was probably not scanned, why, what it may be, and the cashier's answer.
 *
 * It takes the whole attention: nothing else can be touched or reached by keys. It is gone when the
 * lane says so: answered by anybody, or overtaken by the next customer.
 */

import { $, make, setText } from "./dom.js";
import { ask } from "./link.js";
import { askPin, giveUpPin } from "./digits.js";
import { onKeys } from "./shell.js";
import { beep } from "./sound.js";
import { amount, number, word } from "./words.js";

/** A key that was meant for something else must not answer an alert that just came up. */
const UNREADY_MS = 400;

const SCAN_IT = "/v1/suspicion/scan";
const CONTINUE = "/v1/suspicion/continue";

/** Refusals that a PIN may help against. */
const ASKS_PIN = /_needed$|^pin_wrong$/;

let shown = null; // the alert as the lane tells it
let shownAt = 0;
let focusBefore = null;
let isAnswering = false;

export function showAlert({ alert, suspicion }) {
  if (alert === null) return hide();
  const isNew = shown === null || identity(shown) !== identity({ alert, suspicion });
  shown = { alert, suspicion };
  write();
  if (isNew) open();
}

/** The same suspicion in another language is no new one. */
function identity({ alert, suspicion }) {
  if (!suspicion) return alert;
  const { transaction_id, is_held, missed_count, findings } = suspicion;
  const found = findings.map(({ kind, count, gtin }) => [kind, count, gtin]);
  return JSON.stringify([transaction_id, is_held, missed_count, found]);
}

function open() {
  focusBefore ??= document.activeElement;
  shownAt = performance.now();
  setOpen(true);
  $("scan-it").focus();
  beep("bad");
}

function hide() {
  if (shown === null) return;
  shown = null;
  giveUpPin();
  setOpen(false);
  focusBefore?.focus();
  focusBefore = null;
}

function setOpen(isOpen) {
  $("alert").hidden = !isOpen;
  for (const id of ["bar", "lane"]) $(id).inert = isOpen;
}

function write() {
  const { findings = [], candidates = [] } = shown.suspicion ?? {};
  setText($("alert-text"), shown.alert);
  $("reasons").replaceChildren(...findings.flatMap(reasons));
  $("candidates").dataset.title = word("may_be");
  $("candidates").replaceChildren(...candidates.map(candidate));
  complain("");
}

function reasons(finding) {
  const value = finding.value_minor ? word("value", { amount: amount(finding.value_minor) }) : "";
  const first = make("li", "", finding.reason, " ");
  if (value) first.append(make("span", "value", value));
  return [first, ...finding.also.map((text) => make("li", "also", text))];
}

function candidate({ gtin, description, probability_permille }) {
  const percent = Math.min(Math.round(probability_permille / 10), 99); // nobody is ever quite sure
  const share = make("span", "share", `${number(percent)} %`);
  return make("li", "", description || gtin, share);
}

async function answer(path) {
  if (isAnswering || performance.now() - shownAt < UNREADY_MS) return;
  isAnswering = true;
  await tell(path).finally(() => (isAnswering = false));
}

/** Tell the lane; where it asks for somebody who may, tell it again with a PIN. */
async function tell(path) {
  const transaction_id = shown.suspicion?.transaction_id ?? "";
  const language = document.documentElement.lang;
  let pin = "";
  while (pin !== null) {
    const body = { transaction_id, pin };
    const response = await ask(path, { method: "POST", language, body }).catch(() => null);
    if (response?.ok) return;
    const refusal = await response?.json().catch(() => null);
    if (!ASKS_PIN.test(refusal?.code)) {
      return complain(refusal?.detail ?? word("not_answered"));
    }
    pin = await askPin(refusal.detail);
  }
}

function complain(text) {
  setText($("alert-trouble"), text);
  $("alert-trouble").hidden = !text;
}

$("scan-it").onclick = () => answer(SCAN_IT);
$("continue").onclick = () => answer(CONTINUE);
onKeys({
  F8: () => shown !== null && $("scan-it").click(),
  F9: () => shown !== null && $("continue").click(),
});
