/** Where the lane is the till: baskets that are put aside, and taken up again by number. */

import { act } from "./approved.js";
import { $, make, setText } from "./dom.js";
import { ask } from "./link.js";
import { onKeys } from "./shell.js";
import { age, amount, number, word } from "./words.js";

const SUSPEND = "/v1/till/suspend";
const RETRIEVE = "/v1/till/retrieve";
const DISCARD = "/v1/till/discard";

let isTill = false;
let open = { transaction_id: null, item_count: 0 };
let baskets = [];
let say = () => {};

/** Whether the lane is a till, in each language anew. */
export function allowAside(isAllowed) {
  isTill = isAllowed;
  write();
}

/** The basket that could be put aside. */
export function showOpen({ transaction_id, item_count }) {
  open = { transaction_id, item_count };
  write();
}

/** Ask the lane what is put aside. */
export async function lookAside() {
  if (!isTill) return;
  const response = await ask("/v1/till/suspended").catch(() => null);
  if (response?.ok) baskets = (await response.json()).suspended;
  write();
}

export function leaveAside() {
  if ($("aside-sheet").open) $("aside-sheet").close();
}

function write() {
  $("suspend").disabled = open.transaction_id === null || !open.item_count;
  $("retrieve").disabled = !baskets.length;
  setText($("aside-count"), baskets.length ? number(baskets.length) : "");
  $("baskets").replaceChildren(...baskets.map(basketRow));
  if (!baskets.length) leaveAside();
}

function basketRow(basket) {
  const sum = basket.amount_minor === null ? word("price_unknown") : amount(basket.amount_minor);
  const items = `${word("items")} ${number(basket.item_count)}`;
  const facts = make("span", "facts", items, " · ", age(basket.age_s));
  const take = make("button", "take", make("b", "number", number(basket.number)), facts, make("b", "sum", sum));
  const discard = make("button", "discard", word("discard_basket"));
  take.type = discard.type = "button";
  take.onclick = () => tell(RETRIEVE, basket);
  discard.onclick = () => tell(DISCARD, basket);
  return make("li", "", take, discard);
}

async function suspend() {
  const { transaction_id } = open;
  const told = await act(SUSPEND, { transaction_id });
  if (!told.isDone) say(told.text);
}

async function tell(path, { number: chosen, transaction_id }) {
  const told = await act(path, { number: chosen, transaction_id });
  if (told.isDone && path === RETRIEVE) return leaveAside();
  setText($("aside-trouble"), told.isDone ? "" : told.text);
  $("aside-trouble").hidden = told.isDone || !told.text;
}

function show() {
  $("aside-trouble").hidden = true;
  lookAside(); // for their age
  $("aside-sheet").showModal();
}

const isFree = () => isTill && !document.querySelector("dialog[open]") && $("alert").hidden;

/** `tellPage(text)`: where the page says why something cannot be done. */
export function startAside(tellPage) {
  say = tellPage;
  $("suspend").onclick = suspend;
  $("retrieve").onclick = show;
  $("aside-close").onclick = leaveAside;
  document.addEventListener("keydown", (event) => {
    if (!$("aside-sheet").open || document.querySelector(".pin[open]")) return;
    const chosen = baskets.find((basket) => String(basket.number) === event.key);
    if (chosen) tell(RETRIEVE, chosen);
  });
  onKeys({
    F6: () => isFree() && $("suspend").click(),
    F7: () => isFree() && $("retrieve").click(),
  });
}
