/**
 * Backfill: find a settled sale, and add the item that was missed, take that back, or say that
 * nothing is missing. The sale itself stays as it was settled.
 */

import { act } from "./approved.js";
import { $, make, setText } from "./dom.js";
import { clock, entry, get, markRow, queryOf, saleRow } from "./find.js";
import { nextScan, stopScan } from "./nextscan.js";
import { onKeys, start } from "./shell.js";
import { age, amount, number, toMinor, weight, word } from "./words.js";

/** What changes what is open, or the sale that is shown. */
const CHANGES = new Set([
  "settled",
  "missed_scan_suspected",
  "suspicion_confirmed",
  "suspicion_dismissed",
  "total_rejected",
  "item_backfilled",
  "backfill_reversed",
]);

let shown = null; // the sale, as the lane tells it
let unsettled = null; // or what was paid, and no sale explains
let lookingAt = "open"; // or the query of a search
let addId = ""; // of what is being added: a retry adds it once

function say(text, isBad = false) {
  setText($("said"), text);
  $("said").className = isBad ? "bad" : "good";
}

// --- the list -------------------------------------------------------------------------------------

async function look() {
  const open = await get("/v1/suspicions", say);
  if (!open) return;
  setText($("open-count"), number(open.open.length));
  if (lookingAt === "open") return list(open.open.map(matterRow), "nothing_open");
  const found = await get(`/v1/transactions?${lookingAt}`, say);
  if (found) list(found.transactions.map(foundRow), "nothing_found");
}

function list(rows, none) {
  $("list").replaceChildren(...rows);
  $("none").hidden = rows.length > 0;
  setText($("none"), word(none));
  $("show-open").setAttribute("aria-pressed", String(lookingAt === "open"));
  mark();
}

function matterRow(matter) {
  const head = matter.receipt_number || matter.total_id;
  const row = entry(matter.transaction_id, head, age(matter.age_s), matter.text, matter.value_minor, open);
  row.classList.add("open");
  if (matter.kind === "unsettled") {
    row.firstChild.dataset.sale = matter.total_id; // of a basket there may be several
    row.firstChild.onclick = () => showUnsettled(matter);
  }
  return row;
}

function foundRow(sale) {
  const row = saleRow(sale, open);
  row.classList.toggle("open", sale.is_open);
  return row;
}

const mark = () => markRow($("list"), shown?.sale.transaction_id ?? unsettled?.total_id ?? null);

function search(event) {
  event.preventDefault();
  lookingAt = queryOf($("search"));
  look();
}

function showOpen() {
  lookingAt = "open";
  look();
}

// --- the sale -------------------------------------------------------------------------------------

async function open(transaction_id) {
  const file = await get(`/v1/transactions/${encodeURIComponent(transaction_id)}`, say);
  if (!file) return;
  shown = file;
  unsettled = null;
  say("");
  $("add").reset();
  newAdd();
  write();
  mark();
  await suggest();
  $("add").elements.label.focus();
}

function newAdd() {
  addId = crypto.randomUUID();
  stopScan();
  $("money").hidden = $("add").elements.way.value !== "paid";
}

function write() {
  $("choose").hidden = shown !== null || unsettled !== null;
  $("file").hidden = shown === null;
  $("unsettled").hidden = unsettled === null;
  if (shown === null) return;
  const { sale, suspicion, lines, backfills } = shown;
  setText($("receipt"), `${sale.receipt_number}  ${amount(sale.amount_minor)}`);
  setText($("when"), [clock(sale.sold_at), sale.customer].filter(Boolean).join(" · "));
  $("why").replaceChildren(...(suspicion?.is_open ? reasons(suspicion) : []));
  $("sold").replaceChildren(...lines.map((line) => make("li", "", ...goods(line))));
  $("added").replaceChildren(...backfills.map(addedRow));
  $("let-be").hidden = !suspicion?.is_open;
}

function reasons({ text, findings }) {
  const why = findings.flatMap(({ reason, also }) => [reason, ...also]);
  return [make("li", "head", text), ...why.map((one) => make("li", "", one))];
}

function goods({ gtin, description, quantity_milli, weight_g, amount_minor }) {
  const much = weight_g === null ? `${number(quantity_milli / 1000)} ×` : weight(weight_g).join(" ");
  const price = amount_minor === null ? "" : amount(amount_minor);
  return [make("span", "much", much), make("span", "name", description || gtin), make("span", "", price)];
}

function addedRow({ backfill_id, way, lines, is_reversed, approver }) {
  const who = [word(is_reversed ? "taken_back" : `way_${way}`), approver].filter(Boolean).join(" · ");
  const row = make("li", is_reversed ? "gone" : "", ...lines.flatMap(goods), make("span", "who", who));
  if (!is_reversed) {
    const button = make("button", "", word("take_back"));
    button.type = "button";
    button.onclick = () => takeBack(backfill_id, button);
    row.append(button);
  }
  return row;
}

async function suggest() {
  const { sale, suspicion } = shown;
  const { weight_g = null, amount_minor = null, categories = [] } = suspicion ?? {};
  const body = { transaction_id: sale.transaction_id, weight_g, amount_minor, categories, limit: 6 };
  const found = await get("/v1/suggestions", say, { method: "POST", body });
  const items = found?.suggestions ?? [];
  $("suggested").hidden = !items.length;
  $("suggestions").replaceChildren(...items.map(suggestion));
}

function suggestion({ gtin, description, price_minor, reasons: why }) {
  const price = price_minor === null ? "" : ` ${amount(price_minor)}`;
  const button = make("button", "", make("b", "", description || gtin), price, make("small", "", why[0] ?? ""));
  button.type = "button";
  button.onclick = () => pick(gtin, price_minor);
  return make("li", "", button);
}

function pick(gtin, price_minor = null) {
  const { label, amount: price } = $("add").elements;
  label.value = gtin;
  if (price_minor !== null) price.value = amount(price_minor).replaceAll(",", "");
}

function scan() {
  const call = (key) => setText($("scan-word"), word(key));
  nextScan(() => call("scan_now"), (answer) => {
    call("scan_item");
    if (answer?.gtin) pick(answer.gtin);
    else if (answer?.detail) say(answer.detail, true);
  });
}

// --- what is done ---------------------------------------------------------------------------------

async function add(event) {
  event.preventDefault();
  if (shown === null) return;
  const form = new FormData($("add"));
  const isPaid = form.get("way") === "paid";
  const body = {
    backfill_id: addId,
    way: form.get("way"),
    label: form.get("label").trim(),
    reason: form.get("reason"),
    ...(isPaid ? { amount_minor: toMinor(form.get("amount")), tender_type: form.get("tender_type") } : {}),
  };
  await carryOut(`/v1/transactions/${encodeURIComponent(shown.sale.transaction_id)}/backfill`, body);
}

async function takeBack(backfill_id, button) {
  button.disabled = true;
  const body = { reversal_id: crypto.randomUUID(), backfill_id, reason: reason() };
  await carryOut(`/v1/transactions/${encodeURIComponent(shown.sale.transaction_id)}/reverse`, body);
  button.disabled = false;
}

async function letBe() {
  if (shown === null) return;
  const { transaction_id } = shown.sale;
  await carryOut("/v1/suspicions/close", { transaction_id, reason: reason() });
}

function showUnsettled(matter) {
  unsettled = matter;
  shown = null;
  stopScan();
  say("");
  write();
  mark();
  setText($("total-id"), [matter.total_id, amount(matter.value_minor)].join("  "));
  setText($("since"), clock(matter.happened_at));
  $("unexplained").replaceChildren(...[matter.text, ...matter.reasons].map((one) => make("li", "", one)));
  $("close-total").elements.reason.focus();
}

async function closeTotal(event) {
  event.preventDefault();
  if (unsettled === null) return;
  const form = $("close-total");
  const done = await act("/v1/suspicions/close", { total_id: unsettled.total_id, reason: form.elements.reason.value });
  if (done.isDone) {
    unsettled = null;
    form.reset();
    write();
  }
  if (done.text) say(done.text, !done.isDone);
}

const reason = () => $("add").elements.reason.value;

async function carryOut(path, body) {
  $("do-add").disabled = true;
  const done = await act(path, body).finally(() => ($("do-add").disabled = false));
  if (done.isDone) await open(shown.sale.transaction_id);
  if (done.text) say(done.text, !done.isDone);
}

$("search").onsubmit = search;
$("add").onsubmit = add;
$("show-open").onclick = showOpen;
$("let-be").onclick = letBe;
$("close-total").onsubmit = closeTotal;
$("scan").onclick = scan;
$("ways").onchange = () => ($("money").hidden = $("add").elements.way.value !== "paid");
addEventListener("pagehide", stopScan);
onKeys({
  F6: () => $("find").click(),
  F7: () => $("show-open").click(),
  F8: () => shown !== null && $("scan").click(),
  F9: () => (shown !== null ? $("do-add").click() : unsettled !== null && $("do-close").click()),
});

start({
  onLane: look,
  onEvent: (kind) => CHANGES.has(kind) && look(),
  onSpeak() {
    setText($("scan-word"), word("scan_item"));
    write();
  },
});
