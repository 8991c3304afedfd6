/** The column beside the basket: what the scales say, and how each part of the lane is. */

import { $, keep, make, setText } from "./dom.js";
import { number, weight, word } from "./words.js";

/** `status` as the event of that name; the whole lane has the same fields. */
export function showStatus(status) {
  $("weights").hidden = !status.live_weights.length;
  keep($("scales"), status.live_weights, (scale) => scale.role, showScale);
  keep($("parts"), parts(status), (part) => part.key, showPart);
}

function showScale(item, scale) {
  if (!item.children.length) item.append(make("span", "role"), make("span", "grams"), make("span", "condition"));
  const [role, grams, condition] = item.children;
  const is_known = scale.weight_g !== null;
  const [figure, unit] = is_known ? weight(scale.weight_g) : ["–", "g"];
  item.dataset.condition = scale.condition;
  setText(role, scale.role);
  if (grams.textContent !== figure + unit) grams.replaceChildren(figure, make("small", "", unit));
  setText(condition, word(`scale_${scale.condition}`));
}

/** Devices, then the way to head office, then the journal: each with a state and words. */
function parts(status) {
  const waiting = status.journal_seq - status.acknowledged_seq;
  const devices = status.devices.map((device) => ({
    key: `device-${device.role}`,
    name: device.name,
    role: device.role,
    text: device.text,
    state: device.is_well ? "well" : device.state === "up" || device.state === "starting" ? "warns" : "down",
  }));
  const sent = waiting > 0 ? word("to_be_sent", { count: number(waiting) }) : word("all_sent");
  const written = word(status.degraded ? "journal_troubled" : "journal_well");
  return [
    ...devices.filter((device) => device.key !== "device-sync"),
    { key: "sync", name: word("head_office"), role: "", text: sent, state: "well" },
    { key: "journal", name: word("journal"), role: "", text: written, state: status.degraded ? "down" : "well" },
  ];
}

function showPart(item, { name, role, text, state }) {
  if (!item.children.length) item.append(make("span", "name"), make("span", "text"));
  item.dataset.state = state;
  setText(item.children[0], name);
  item.children[0].title = role;
  setText(item.children[1], text);
}
