/** The next scan at the lane, for a page instead of the basket. */

import { ask } from "./link.js";

const NEXT = "/v1/scans/next";

let turn = 0;

/**
 * `listens()` once the lane does, before which a scan would be the basket's; then `heard(answer)`
 * once: what was scanned ({gtin}), or why nothing was ({detail}), or null.
 */
export async function nextScan(listens, heard) {
  const mine = ++turn;
  const answer = await answered(() => mine === turn && listens()).catch(() => null);
  if (mine === turn) heard(answer);
}

/** The lane's answer begins as soon as it listens. */
async function answered(listens) {
  const language = document.documentElement.lang;
  const response = await ask(NEXT, { method: "POST", language, body: {} });
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return JSON.parse(text);
    if (!text && response.ok) listens();
    text += value;
  }
}

/** Nobody waits for it any more: it is the basket's again. */
export function stopScan() {
  if (!turn) return;
  turn += 1;
  ask(NEXT, { method: "POST", body: { stop: true } }).catch(() => null);
}
