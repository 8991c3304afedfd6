/** Where the lane is the till: a line of the basket is taken back, or gets another price. */

import { act } from "./approved.js";
import { lineOf } from "./basket.js";
import { $, setText } from "./dom.js";
import { moneyPad } from "./pad.js";

const LINES = "/v1/transactions/current/lines";

const pad = moneyPad();
let line = null;
let isTill = false;

/** Whether lines can be touched at all. */
export function allowLines(isAllowed) {
  isTill = isAllowed;
  document.body.classList.toggle("is-till", isAllowed);
}

export function leaveLine() {
  if ($("line-sheet").open) $("line-sheet").close();
}

function open(event) {
  const row = event.target.closest("li");
  line = row && lineOf(Number(row.dataset.line));
  if (!isTill || !line || document.body.dataset.basket !== "open") return;
  setText($("line-name"), line.description || line.gtin);
  setText($("line-no"), String(line.line_no));
  pad.clear();
  complain("");
  $("line-sheet").showModal();
  $("set-price").focus();
}

async function tell(path, body) {
  const told = await act(`${LINES}/${line.line_no}/${path}`, body);
  if (told.isDone) return $("line-sheet").close();
  complain(told.text);
}

function setPrice() {
  const price_minor = pad.minor();
  if (price_minor === null) return;
  tell("override", { price_minor, of_line: line.sold_by === "weight" });
}

function complain(text) {
  setText($("line-trouble"), text);
  $("line-trouble").hidden = !text;
}

export function startLines() {
  $("pricing").prepend(pad.display);
  $("set-price").before(pad.keys);
  $("lines").onclick = open;
  $("lines").addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return;
    event.preventDefault();
    open(event);
  });
  $("void-line").onclick = () => tell("void", {});
  $("set-price").onclick = setPrice;
  $("line-cancel").onclick = leaveLine;
  $("line-sheet").addEventListener("keydown", (event) => {
    if (pad.onKey(event)) return;
    if (event.key === "Delete") $("void-line").click();
  });
}
