/** The next scan at the lane, for a page instead of the basket. */

import { ask } from "./link.js";

const NEXT = "/v1/scans/next";

let turn = 0;

/** `heard(answer)` once: what was scanned ({gtin}), or why nothing was ({detail}), or null. */
export async function nextScan(heard) {
  const mine = ++turn;
  const language = document.documentElement.lang;
  const response = await ask(NEXT, { method: "POST", language, body: {} }).catch(() => null);
  const answer = await response?.json().catch(() => null);
  if (mine === turn) heard(answer);
}

/** Nobody waits for it any more: it is the basket's again. */
export function stopScan() {
  if (!turn) return;
  turn += 1;
  ask(NEXT, { method: "POST", body: { stop: true } }).catch(() => null);
}
