/** Finding settled sales: what the pages about them have in common. */

import { make } from "./dom.js";
import { ask } from "./link.js";
import { amount, toMinor, word } from "./words.js";

/** What the lane says; null once `say(text, isBad)` has told why it says nothing. */
export async function get(path, say, options = {}) {
  const language = document.documentElement.lang;
  const response = await ask(path, { language, ...options }).catch(() => null);
  const content = await response?.json().catch(() => null);
  if (!response?.ok) say(content?.detail ?? word("not_answered"), true);
  return response?.ok ? content : null;
}

/** What a search form asks for, as a query. */
export function queryOf(element) {
  const form = new FormData(element);
  const query = new URLSearchParams();
  for (const name of ["receipt", "phone", "from", "to"]) {
    if (form.get(name)) query.set(name, form.get(name));
  }
  const amount_minor = toMinor(form.get("amount"));
  if (amount_minor !== null) query.set("amount_minor", amount_minor);
  return query.toString();
}

/** A row of a list: a button for the sale of this id. */
export function entry(id, head, aside, words, value_minor, onOpen) {
  const value = make("span", "value", value_minor ? amount(value_minor) : "");
  const parts = [make("b", "", head), make("span", "age", aside), make("span", "text", words), value];
  const button = make("button", "", ...parts);
  button.type = "button";
  button.dataset.sale = id;
  button.onclick = () => onOpen(id);
  return make("li", "", button);
}

export function saleRow(sale, onOpen) {
  const words = [clock(sale.sold_at), sale.customer].filter(Boolean).join(" · ");
  return entry(sale.transaction_id, sale.receipt_number, "", words, sale.amount_minor, onOpen);
}

/** Show which row of a list is the sale of this id. */
export function markRow(list, id) {
  for (const button of list.querySelectorAll("button")) {
    button.setAttribute("aria-current", String(id !== null && button.dataset.sale === id));
  }
}

export const clock = (moment) =>
  new Date(moment).toLocaleString(document.documentElement.lang, {
    dateStyle: "short",
    timeStyle: "short",
  });
