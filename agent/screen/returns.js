/**
 * Returns: find a settled sale, choose what of it comes back and how many, and give the money back.
 * The lane says what it is worth; this page only adds up. Goods that were sold elsewhere are taken
 * back one by one, by their label.
 */

import { act } from "./approved.js";
import { $, make, setText } from "./dom.js";
import { clock, get, markRow, queryOf, saleRow } from "./find.js";
import { nextScan, stopScan } from "./nextscan.js";
import { onKeys, start } from "./shell.js";
import { amount, number, toMinor, weight, word } from "./words.js";

let shown = null; // the sale, as the lane tells it
let isElsewhere = false;
let chosen = new Map(); // by place in `returnable`: {units, isDamaged}
let query = "";
let returnId = ""; // of what is being given back: a retry gives it back once

function say(text, isBad = false) {
  setText($("said"), text);
  $("said").className = isBad ? "bad" : "good";
}

// --- the list -------------------------------------------------------------------------------------

async function look() {
  const found = await get(`/v1/transactions?${query}`, say);
  if (!found) return;
  $("list").replaceChildren(...found.transactions.map((sale) => saleRow(sale, open)));
  $("none").hidden = found.transactions.length > 0;
  setText($("none"), word("nothing_found"));
  mark();
}

const mark = () => markRow($("list"), shown?.sale.transaction_id ?? null);

function search(event) {
  event.preventDefault();
  query = queryOf($("search"));
  look();
}

// --- the sale -------------------------------------------------------------------------------------

async function open(transaction_id) {
  const file = await get(`/v1/transactions/${encodeURIComponent(transaction_id)}`, say);
  if (!file) return;
  begin(file, false);
  $("lines").querySelector("button")?.focus();
}

function openElsewhere() {
  begin(null, true);
  $("give").elements.receipt_number.focus();
}

function begin(file, elsewhere) {
  stopScan();
  shown = file;
  isElsewhere = elsewhere;
  chosen = new Map();
  returnId = crypto.randomUUID();
  $("give").reset();
  say("");
  write();
  mark();
}

function write() {
  $("choose").hidden = shown !== null || isElsewhere;
  $("give").hidden = shown === null && !isElsewhere;
  $("loose").hidden = !isElsewhere;
  $("means").hidden = isElsewhere; // in cash: nobody knows here how it was paid
  const sale = shown?.sale;
  setText($("receipt"), sale ? `${sale.receipt_number}  ${amount(sale.amount_minor)}` : "");
  setText($("when"), sale ? [clock(sale.sold_at), sale.customer].filter(Boolean).join(" · ") : "");
  $("lines").replaceChildren(...(shown?.returnable ?? []).map(lineRow));
  $("back").replaceChildren(...(shown?.returns ?? []).map(backRow));
  writeSum();
}

function lineRow(line, place) {
  const row = make("li", line.left ? "" : "gone");
  const left = line.left ? word("how_many_left", { count: much(line, line.left) }) : word("all_back");
  const name = make("span", "name", line.description || line.gtin, make("small", "", left));
  const worth = make("span", "worth");
  if (!line.left) {
    row.append(name);
    return row;
  }
  const count = make("output", "", "0");
  const less = step("−", "one_less", () => choose(place, -unit(line)));
  const more = step("+", "one_more", () => choose(place, unit(line)));
  const steps = make("span", "steps", less, count, more);
  const tick = make("input");
  tick.type = "checkbox";
  tick.onchange = () => choose(place, 0);
  row.append(name, steps, make("label", "tick", tick, make("span", "", word("damaged"))), worth);
  if (line.paid_minor === null) row.append(amountField(place));
  return row;
}

function amountField(place) {
  const field = make("input", "price");
  field.inputMode = "decimal";
  field.placeholder = word("amount");
  field.setAttribute("aria-label", word("amount"));
  field.oninput = () => choose(place, 0);
  return field;
}

function step(text, hint, onclick) {
  const button = make("button", "", text);
  button.type = "button";
  button.setAttribute("aria-label", word(hint));
  button.onclick = onclick;
  return button;
}

/** Weighed goods come back whole, others piece by piece. */
const unit = (line) => (line.weighed ? line.left : 1000);

const much = (line, units) => (line.weighed ? weight(units).join(" ") : number(units / 1000));

function choose(place, more) {
  const line = shown.returnable[place];
  const row = $("lines").children[place];
  const units = Math.min(line.left, Math.max(0, (chosen.get(place)?.units ?? 0) + more));
  const said = row.querySelector(".price")?.value ?? "";
  chosen.set(place, { units, isDamaged: row.querySelector(".tick input").checked, said });
  setText(row.querySelector("output"), much(line, units));
  setText(row.querySelector(".worth"), units ? amount(worth(place) ?? 0) : "");
  writeSum();
}

/** What the lane gives back for it: each part up to the next whole unit with all before it. */
function worth(place) {
  const { paid_minor, units: whole, left, refunded_minor } = shown.returnable[place];
  const { units, said } = chosen.get(place);
  if (paid_minor === null) return toMinor(said);
  const after = (BigInt(paid_minor) * BigInt(whole - left + units)) / BigInt(whole);
  return Math.max(0, Number(after) - refunded_minor);
}

const places = () => [...chosen].filter(([, { units }]) => units > 0).map(([place]) => place);

function writeSum() {
  const sum = places().reduce((minor, place) => minor + (worth(place) ?? 0), 0);
  setText($("sum"), places().length ? amount(sum) : "");
  $("do-give").disabled = !isElsewhere && !places().length;
}

function backRow({ return_number, business_date, amount_minor, lines, approver }) {
  const goods = lines.map(({ goods: { description, gtin } }) => description || gtin).join(", ");
  const words = [word("came_back"), business_date, return_number, goods, amount(amount_minor), approver];
  return make("li", "", words.filter(Boolean).join(" · "));
}

function scan() {
  const call = (key) => setText($("scan-word"), word(key));
  nextScan(() => call("scan_now"), (answer) => {
    call("scan_item");
    if (answer?.gtin) $("give").elements.label.value = answer.gtin;
    else if (answer?.detail) say(answer.detail, true);
  });
}

// --- what is given back ---------------------------------------------------------------------------

const condition = (isDamaged) => (isDamaged ? "damaged" : "resaleable");

function lineOf(place) {
  const { line_no, backfill_id, weighed } = shown.returnable[place];
  const { units, isDamaged } = chosen.get(place);
  const amount_minor = worth(place);
  const goods = { line_no, backfill_id, amount_minor, condition: condition(isDamaged) };
  return weighed ? { ...goods, weight_g: units } : { ...goods, quantity: units / 1000 };
}

function looseLine(form) {
  return {
    label: form.get("label").trim(),
    quantity: Number(form.get("quantity")),
    amount_minor: toMinor(form.get("amount")),
    condition: condition(form.get("damaged")),
  };
}

async function give(event) {
  event.preventDefault();
  const form = new FormData($("give"));
  const body = { return_id: returnId, reason: form.get("reason") };
  if (isElsewhere) {
    const of = { receipt_number: form.get("receipt_number").trim(), sold_on: form.get("sold_on") };
    return carryOut("/v1/returns", { ...body, ...of, lines: [looseLine(form)] });
  }
  const path = `/v1/transactions/${encodeURIComponent(shown.sale.transaction_id)}/return`;
  const lines = places().map(lineOf);
  await carryOut(path, { ...body, lines, tender_type: form.get("tender_type") });
}

async function carryOut(path, body) {
  $("do-give").disabled = true;
  const done = await act(path, body).finally(() => ($("do-give").disabled = false));
  if (done.isDone && shown) await open(shown.sale.transaction_id);
  else if (done.isDone) openElsewhere();
  if (done.text) say([done.text, ...given(done)].join(" · "), !done.isDone);
}

const NAMES = { cash: "tender_cash", card: "tender_card", wechat: "tender_wechat", alipay: "tender_alipay" };

function given({ isDone, answer }) {
  if (!isDone) return [];
  const name = (kind) => (NAMES[kind] ? word(NAMES[kind]) : kind);
  return answer.refund.tenders.map((one) => `${name(one.tender_type)} ${amount(one.amount_minor)}`);
}

$("search").onsubmit = search;
$("give").onsubmit = give;
$("elsewhere").onclick = openElsewhere;
$("scan").onclick = scan;
addEventListener("pagehide", stopScan);
onKeys({
  F6: () => $("find").click(),
  F7: () => $("elsewhere").click(),
  F8: () => isElsewhere && $("scan").click(),
  F9: () => !$("give").hidden && !$("do-give").disabled && $("do-give").click(),
});

start({
  onLane: look,
  onEvent: (kind) => kind === "settled" && look(),
  onSpeak() {
    setText($("scan-word"), word("scan_item"));
    write();
  },
});
