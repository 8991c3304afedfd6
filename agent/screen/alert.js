/**
 * The red alert: what was probably not scanned, why, and the cashier's answer.
 *
 * It takes the whole attention at first. "Scan it" makes it a strip that waits for the scan;
 * "Continue" tells the lane to go on as it is. It is gone when the lane says so.
 */

import { $, make, setText } from "./dom.js";
import { ask } from "./link.js";
import { askPin } from "./pin.js";
import { onKeys } from "./shell.js";
import { beep } from "./sound.js";
import { amount, number, word } from "./words.js";

/** A key that was meant for something else must not answer an alert that just came up. */
const UNREADY_MS = 400;

const PATHS = { continue: "/v1/suspicion/continue", scan_it: "/v1/suspicion/scan" };

/** Refusals that a PIN may help against. */
const ASKS_PIN = /_needed$|^pin_wrong$/;

let shown = null; // the alert as the lane tells it
let shownAt = 0;
let answered = ""; // what the lane said to the last answer
let focusBefore = null;

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
  const dialog = $("alert");
  focusBefore ??= document.activeElement;
  shownAt = performance.now();
  answered = "";
  dialog.hidden = false;
  setModal(true);
  $("scan-it").focus();
  beep("bad");
}

function hide() {
  if (shown === null) return;
  shown = null;
  $("alert").hidden = true;
  setModal(false);
  focusBefore?.focus();
  focusBefore = null;
}

/** Modal: nothing else can be touched or reached by keys. Else a strip above the basket. */
function setModal(isModal) {
  document.body.dataset.alert = shown === null ? "none" : isModal ? "asks" : "waits";
  for (const id of ["bar", "lane"]) $(id).inert = isModal && shown !== null;
  setText($("scan-it").firstElementChild, word(isModal ? "scan_it" : "back"));
  $("alert").setAttribute("aria-modal", String(isModal));
}

function write() {
  setText($("alert-text"), isStrip() && answered ? `${shown.alert} ${answered}` : shown.alert);
  const findings = shown.suspicion?.findings ?? [];
  $("reasons").replaceChildren(...findings.flatMap(reasons));
  $("candidates").dataset.title = word("may_be");
  $("candidates").replaceChildren(...(shown.suspicion?.candidates ?? []).map(candidate));
  complain("");
}

const isStrip = () => document.body.dataset.alert === "waits";

function reasons(finding) {
  const value = finding.value_minor ? word("value", { amount: amount(finding.value_minor) }) : "";
  const first = make("li", "", finding.reason, " ");
  if (value) first.append(make("span", "value", value));
  return [first, ...finding.also.map((text) => make("li", "also", text))];
}

function candidate({ gtin, description, probability_permille }) {
  const share = make("span", "share", `${number(Math.round(probability_permille / 10))} %`);
  return make("li", "", description || gtin, share);
}

/** Tell the lane; where it asks for somebody who may, tell it again with a PIN. */
async function answer(choice) {
  const transaction_id = shown.suspicion?.transaction_id ?? "";
  const language = document.documentElement.lang;
  let pin = "";
  for (;;) {
    const body = { transaction_id, pin };
    const response = await ask(PATHS[choice], { method: "POST", language, body }).catch(() => null);
    if (response?.ok) return taken((await response.json()).message);
    const refusal = await response?.json().catch(() => null);
    if (!ASKS_PIN.test(refusal?.code)) return complain(refusal?.detail ?? word("not_answered"));
    pin = await askPin(refusal.detail);
    if (pin === null) return complain("");
  }
}

function taken(message) {
  answered = message;
  if (shown !== null) write();
}

function complain(text) {
  setText($("alert-trouble"), text);
  $("alert-trouble").hidden = !text;
}

function goOn() {
  if (isReady()) answer("continue");
}

function scanIt() {
  if (!isReady()) return;
  const isToShrink = !isStrip();
  setModal(!isToShrink);
  write();
  if (isToShrink) answer("scan_it");
}

const isReady = () => performance.now() - shownAt >= UNREADY_MS;

$("scan-it").onclick = scanIt;
$("continue").onclick = goOn;
onKeys({
  F8: () => shown !== null && $("scan-it").click(),
  F9: () => shown !== null && $("continue").click(),
  Escape: () => shown !== null && !isStrip() && $("scan-it").click(),
});
