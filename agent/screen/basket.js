/** The open basket: one row for each line, made once and changed where it changed. */

import { $, make, setText } from "./dom.js";
import { amount, number, weight, word } from "./words.js";

const rows = new Map(); // line_no -> { row, name, how, price, line }

/** All of it, as the lane has it: rows that are as they were stay untouched. */
export function showBasket(lane) {
  change({ ...lane, is_whole: false, gone: [...rows.keys()].filter(isMissingFrom(lane.lines)) });
}

/** What changed of it. */
export function change({ transaction_id, is_whole, lines, gone, item_count, amount_minor }) {
  if (is_whole && transaction_id !== null) clear();
  for (const line_no of gone) forget(line_no);
  const added = lines.filter((line) => !rows.has(line.line_no));
  for (const line of lines) show(line);
  if (added.length) markNewest(added.at(-1).line_no);
  if (transaction_id === null) return; // what was paid stays in sight until the next one begins
  document.body.dataset.basket = "open";
  showSum(item_count, amount_minor);
}

/** The basket has been paid: its sum becomes the last word on it. */
export function paid({ amount_minor, change_minor }) {
  document.body.dataset.basket = "paid";
  setText($("amount-word"), word("paid"));
  setText($("amount"), amount(amount_minor));
  $("change-row").hidden = !change_minor;
  setText($("change"), amount(change_minor ?? 0));
}

/** Nothing has been scanned since the page was opened, or the last basket is history. */
export function idle() {
  clear();
  document.body.dataset.basket = "none";
  showSum(0, 0);
}

/** All words again, in another language. */
export function rename() {
  for (const { line } of rows.values()) write(line);
  if (document.body.dataset.basket === "paid") setText($("amount-word"), word("paid"));
}

/** The line of a number, as the lane told it. */
export const lineOf = (line_no) => rows.get(line_no)?.line;

const isMissingFrom = (lines) => {
  const kept = new Set(lines.map((line) => line.line_no));
  return (line_no) => !kept.has(line_no);
};

function clear() {
  rows.clear();
  $("lines").replaceChildren();
}

function forget(line_no) {
  rows.get(line_no)?.row.remove();
  rows.delete(line_no);
}

/** A new row is whole before it is on the page: one change of the document, one layout. */
function show(line) {
  const isNew = !rows.has(line.line_no);
  if (isNew) rows.set(line.line_no, makeRow(line.line_no));
  write(line);
  if (isNew) $("lines").append(rows.get(line.line_no).row);
}

function makeRow(line_no) {
  const row = make("li");
  const name = make("span", "name");
  const how = make("span", "how");
  const price = make("span", "price");
  row.dataset.line = line_no;
  if (document.body.classList.contains("is-till")) row.tabIndex = 0; // it opens what can be done with it
  row.append(make("span", "no", String(line_no)), name, how, price);
  return { row, name, how, price, line: null };
}

function write(line) {
  const { row, name, how, price } = rows.get(line.line_no);
  rows.get(line.line_no).line = line;
  setText(name, line.description || line.gtin);
  setText(how, howMuch(line));
  const isPriced = line.amount_minor !== null;
  setText(price, isPriced ? amount(line.amount_minor) : figureInstead(line));
  row.classList.toggle("unpriced", !isPriced && line.sold_by !== "weight");
  row.classList.toggle("waits", line.sold_by === "weight" && line.weight_g === null);
}

/** "3 × 12.50", "× 9.80/kg", or what is to be done or known of it. */
function howMuch(line) {
  if (!line.description) return word("not_in_master");
  const price = line.price_minor === null ? "" : ` × ${amount(line.price_minor)}`;
  if (line.sold_by === "weight") {
    if (line.weight_g === null) return word("to_be_weighed");
    return price ? `${price.slice(1)}/kg` : line.gtin;
  }
  return line.quantity_milli === 1000 ? line.gtin : number(line.quantity_milli / 1000) + price;
}

/** Only a certified scale prices a weight: such a line shows the weight. */
function figureInstead(line) {
  if (line.sold_by !== "weight") return word("price_unknown");
  return line.weight_g === null ? "" : weight(line.weight_g).join(" ");
}

function markNewest(line_no) {
  $("lines").querySelector(".newest")?.classList.remove("newest");
  rows.get(line_no).row.classList.add("newest");
  keepInSight();
}

function keepInSight() {
  const newest = $("lines").querySelector(".newest");
  const box = $("lines-box");
  if (newest) box.scrollTop = newest.offsetTop + newest.offsetHeight - box.clientHeight;
}

new ResizeObserver(keepInSight).observe($("lines-box"));

/** Where the lane cannot say the amount, that of the lines which have one, and of how many not. */
function showSum(item_count, amount_minor) {
  const unpriced = [...rows.values()].filter(({ line }) => line.amount_minor === null).length;
  const known_minor = [...rows.values()].reduce((sum, { line }) => sum + line.amount_minor, 0);
  const isKnown = amount_minor !== null;
  setText($("count"), number(item_count));
  setText($("amount-word"), isKnown ? word("amount") : word("amount_without", { count: unpriced }));
  setText($("amount"), amount(isKnown ? amount_minor : known_minor));
  $("change-row").hidden = true;
}
