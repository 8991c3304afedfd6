/**
 * Where the lane is the till: what is due, what was given for it, and what comes back.
 *
 * A payment has an id of its own from its first tender on, so that asking the lane again, after a
 * broken connection, pays once.
 */

import { act } from "./approved.js";
import { askNumber } from "./digits.js";
import { $, make, setText } from "./dom.js";
import { moneyPad } from "./pad.js";
import { onKeys } from "./shell.js";
import { amount, word } from "./words.js";

const PATH = "/v1/till/settle";
const TRIES = 3;
const PAUSE_MS = 700;
const NOTES_MAX = 4;

/** Keys of a number pad for the means of payment, in their order. */
const TENDER_KEYS = ["Enter", "/", "*", "-"];

/** And for the customer's number: the decimal key, which some keyboards write with a comma. */
const CUSTOMER_KEYS = [".", ","];

const pad = moneyPad();
let till = null; // what it takes; null: a POS takes the money
let due = { transaction_id: null, amount_minor: 0, item_count: 0 };
let given = []; // {tender_type, amount_minor}
let total_id = "";
let customer = ""; // the number by which the sale is found again
let isAsked = false; // a payment is on its way, or waits for the answer to an alert
let isOwed = false; // nobody knows whether it was made: the lane may still say so

/** The lane's settings: whether it is a till, and what it takes. */
export function showTill(settings) {
  till = settings;
  $("till").hidden = till === null;
  if (till === null) return;
  $("tenders").replaceChildren(...till.tenders.map(tenderKey));
  write();
}

/** The basket that is to be paid. */
export function showDue(basket) {
  const { transaction_id, amount_minor, item_count } = basket;
  if (transaction_id !== null && transaction_id !== due.transaction_id) begin();
  due = { transaction_id, amount_minor, item_count };
  $("pay").disabled = transaction_id === null || !item_count;
  write();
}

/** It is paid: what comes back, in the biggest type. */
export function showPaid({ amount_minor, change_minor }) {
  if (till === null || !(isAsked || isOwed)) return;
  isAsked = isOwed = false;
  setText($("back-word"), word(change_minor ? "change" : "paid"));
  setText($("back"), amount(change_minor || amount_minor));
  setText($("back-sum"), change_minor ? `${word("paid")} ${amount(amount_minor)}` : "");
  $("pay-sheet").dataset.state = "done";
  if (!$("pay-sheet").open) $("pay-sheet").showModal();
  $("next").focus();
}

/** Something else needs the whole attention. */
export function leavePay() {
  if ($("pay-sheet").open && $("pay-sheet").dataset.state !== "done") $("pay-sheet").close();
}

function begin() {
  if ($("pay-sheet").open) $("pay-sheet").close();
  given = [];
  customer = "";
  isAsked = isOwed = false;
}

async function open(say) {
  if (till === null || $("pay").disabled) return;
  if (due.amount_minor === null) {
    const body = { total_id: crypto.randomUUID(), amount_minor: 0, tenders: [] };
    return say((await act(PATH, body)).text); // it names the line that has no price
  }
  given = [];
  isAsked = isOwed = false;
  pad.clear();
  complain("");
  $("pay-sheet").dataset.state = "asks";
  write();
  if (!$("pay-sheet").open) $("pay-sheet").showModal();
  $("tenders").firstElementChild.focus();
  if (!due.amount_minor) settle();
}

// --- sums -----------------------------------------------------------------------------------------

const sum = (tenders) => tenders.reduce((minor, tender) => minor + tender.amount_minor, 0);

function rounded(minor) {
  return Math.round(minor / till.smallest_coin_minor) * till.smallest_coin_minor;
}

/** What is still to be paid; negative is what comes back. Only cash is rounded. */
function missing(isCash) {
  const cash = given.filter(({ tender_type }) => tender_type === "cash");
  const rest = (due.amount_minor ?? 0) - sum(given) + sum(cash);
  return (isCash || cash.length ? rounded(rest) : rest) - sum(cash);
}

// --- what is given --------------------------------------------------------------------------------

function tender(tender_type, amount_minor) {
  const left = missing(tender_type === "cash");
  if (isAsked || left <= 0) return;
  given.push({ tender_type, amount_minor: amount_minor ?? left });
  total_id = crypto.randomUUID();
  pad.clear();
  complain("");
  write();
  if (missing() <= 0) settle();
}

function takeBack(place) {
  given.splice(place, 1);
  write();
  $("tenders").firstElementChild.focus(); // the key that was touched is gone
}

async function settle() {
  if (isAsked) return;
  isAsked = true;
  write();
  total_id ||= crypto.randomUUID();
  const body = { total_id, amount_minor: due.amount_minor, tenders: given, customer };
  let told = await act(PATH, body);
  for (let tries = 1; isUnsure(told) && tries < TRIES; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    told = await act(PATH, body);
  }
  if (told.isDone) return showPaid(told.answer.payment);
  if (told.answer?.code === "held") return $("pay-sheet").close(); // the alert asks; isAsked stays
  isAsked = false;
  isOwed = isUnsure(told);
  if (!isOwed) given.pop();
  complain(told.text);
  write();
}

/** Nobody knows whether it was paid: the same id is asked for again. */
const isUnsure = ({ isDone, answer }) => !isDone && (answer === null || answer.status >= 503);

async function askCustomer() {
  const keyed = await askNumber(word("phone"), customer);
  if (keyed !== null) customer = keyed;
  write();
  $("tenders").firstElementChild.focus(); // Enter takes cash again
}

// --- what is shown --------------------------------------------------------------------------------

function write() {
  if (till === null) return;
  const rest = missing();
  setText($("due"), amount(due.amount_minor ?? 0));
  setText($("rest-word"), word(rest < 0 ? "change" : "still_to_pay"));
  setText($("rest"), amount(Math.abs(rest)));
  setText($("customer-number"), customer);
  $("given").replaceChildren(...given.map(givenRow));
  $("notes").replaceChildren(...notes(missing(true)).map(noteKey));
  $("tenders").setAttribute("aria-busy", String(isAsked));
}

function givenRow({ tender_type, amount_minor }, place) {
  const undo = make("button", "quiet", "×");
  undo.type = "button";
  undo.setAttribute("aria-label", word("take_back"));
  undo.onclick = () => takeBack(place);
  return make("li", "", make("span", "", tenderName(tender_type)), make("b", "", amount(amount_minor)), undo);
}

/** What people hand over for such an amount: as few notes of a kind as cover it. */
function notes(rest) {
  const sums = till.notes_minor.map((note) => Math.ceil(rest / note) * note);
  const more = [...new Set(sums)].filter((minor) => minor > rest).sort((a, b) => a - b);
  return rest > 0 && till.tenders.includes("cash") ? more.slice(0, NOTES_MAX) : [];
}

function noteKey(minor) {
  const button = make("button", "", amount(minor));
  button.type = "button";
  button.onclick = () => tender("cash", minor);
  return button;
}

const NAMES = new Map([
  ["cash", () => word("tender_cash")],
  ["card", () => word("tender_card")],
  ["wechat", () => word("tender_wechat")],
  ["alipay", () => word("tender_alipay")],
]);

const tenderName = (tender_type) => NAMES.get(tender_type)?.() ?? tender_type;

function tenderKey(tender_type, place) {
  const hint = TENDER_KEYS[place] ? make("kbd", "", TENDER_KEYS[place].replace("Enter", "↵")) : "";
  const button = make("button", "", make("span", "", tenderName(tender_type)), " ", hint);
  button.type = "button";
  button.dataset.tender = tender_type;
  button.onclick = () => tender(tender_type, pad.minor());
  return button;
}

function complain(text) {
  setText($("pay-trouble"), text);
  $("pay-trouble").hidden = !text;
}

// --- touch and keys -------------------------------------------------------------------------------

function onKey(event) {
  if ($("pay-sheet").dataset.state === "done" || pad.onKey(event)) return;
  if (CUSTOMER_KEYS.includes(event.key) && !event.repeat) {
    event.preventDefault();
    return void $("customer").click();
  }
  const place = TENDER_KEYS.indexOf(event.key);
  const isOther = event.key === "Enter" && document.activeElement?.matches("#notes *, #given *, #customer, #pay-cancel, .pad *");
  if (place < 0 || place >= till.tenders.length || event.repeat || isOther) return;
  event.preventDefault();
  if (event.key !== "Enter" || !document.activeElement?.dataset.tender) {
    tender(till.tenders[place], pad.minor());
  } else {
    document.activeElement.click();
  }
}

/** `say(text)`: where the page tells why nothing can be paid now. */
export function startPay(say) {
  $("keying").prepend(pad.display);
  $("pay-cancel").before(pad.keys);
  $("pay").onclick = () => open(say);
  $("customer").onclick = askCustomer;
  $("pay-cancel").onclick = () => $("pay-sheet").close();
  $("next").onclick = () => $("pay-sheet").close();
  $("pay-sheet").addEventListener("keydown", onKey);
  $("pay-sheet").addEventListener("cancel", (event) => isAsked && event.preventDefault());
  onKeys({ "+": () => !document.querySelector("dialog[open]") && $("alert").hidden && $("pay").click() });
}
