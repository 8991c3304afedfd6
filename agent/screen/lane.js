/** The lane's page: basket, sum, weight, health, and the alert at settlement. */

import { showAlert } from "./alert.js";
import { allowAside, leaveAside, lookAside, showOpen, startAside } from "./aside.js";
import { change, idle, paid, rename, showBasket } from "./basket.js";
import { $, setText } from "./dom.js";
import { allowLines, leaveLine, startLines } from "./line.js";
import { leavePay, showDue, showPaid, showTill, startPay } from "./pay.js";
import { start } from "./shell.js";
import { showStatus } from "./side.js";
import { beep } from "./sound.js";

const SAID_MS = 8000;

/** What the cashier must notice at once, and what is good to know. */
const BAD = new Set([
  "scan_rejected",
  "total_rejected",
  "input_skipped",
  "receipt_unprinted",
  "receipt_not_read",
  "degraded",
  "disk_full",
  "journal_recovered",
  "journal_set_back",
  "journal_trouble",
]);
const GOOD = new Set([
  "receipt_printed",
  "receipt_counted",
  "recovered",
  "journal_well",
  "device",
  "device_says",
  "line_item_voided",
  "line_item_overridden",
  "suspicion_dismissed",
  "transaction_suspended",
  "transaction_retrieved",
  "transaction_discarded",
]);

/** What the cashier is to do: it stays until the next scan. */
const TO_DO = new Set(["suspicion_confirmed"]);

let lane = null; // as last told whole; its status is kept up to date
let said = 0;

function say(text, mood) {
  const place = $("said");
  setText(place, text);
  place.className = mood;
  clearTimeout(said);
  if (mood !== "to-do") said = setTimeout(hush, SAID_MS);
}

function hush() {
  setText($("said"), "");
}

function mood(kind) {
  if (TO_DO.has(kind)) return "to-do";
  return BAD.has(kind) ? "bad" : GOOD.has(kind) ? "good" : "";
}

const shows = {
  basket(content) {
    change(content);
    showDue(content);
    showOpen(content);
    leaveLine();
  },
  alert(content) {
    if (content.alert !== null) leaveSheets();
    showAlert(Object.assign(lane, content));
  },
  status: (content) => showStatus(Object.assign(lane, content)),
  settled({ data }) {
    paid(data);
    showPaid(data);
  },
  transaction_suspended() {
    idle();
    lookAside();
  },
  transaction_retrieved: lookAside,
  transaction_discarded: lookAside,
  line_item_added() {
    if ($("said").className === "to-do") hush();
    beep("good");
  },
};

function leaveSheets() {
  leavePay();
  leaveLine();
  leaveAside();
}

startPay((text) => say(text, "bad"));
startAside((text) => say(text, "bad"));
startLines();
start({
  onLane(whole) {
    const wasOpen = document.body.dataset.basket === "open";
    lane = whole;
    if (whole.transaction_id !== null) showBasket(whole);
    else if (wasOpen || !document.body.dataset.basket) idle();
    showDue(whole);
    showOpen(whole);
    lookAside();
    showStatus(whole);
    if (whole.alert !== null) leaveSheets();
    showAlert(whole);
  },
  onEvent(kind, content) {
    shows[kind]?.(content);
    if (content.text && mood(kind)) say(content.text, mood(kind));
    if (BAD.has(kind)) beep("bad");
  },
  onSpeak({ till }) {
    rename();
    allowLines(till !== null);
    allowAside(till !== null);
    showTill(till);
  },
});
