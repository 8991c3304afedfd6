/** The column beside the basket: what the scales say, and how each part of the lane is. */

import { $, keep, make, setText } from "./dom.js";
import { hasOffice, number, weight, word } from "./words.js";

/** `status` as the event of that name; the whole lane has the same fields. */
export function showStatus(status) {
  $("weights").hidden = !status.live_weights.length;
  keep($("scales"), scales(status), (scale) => scale.role, showScale);
  keep($("parts"), parts(status), (part) => part.key, showPart);
}

/** Each scale with its name: its role too, where there are several. */
function scales({ live_weights, devices }) {
  const names = new Map(devices.map((device) => [device.role, device.name]));
  return live_weights.map((scale) => {
    const name = names.get(scale.role) ?? scale.role;
    return { ...scale, name: live_weights.length > 1 ? `${name} ${scale.role}` : name };
  });
}

/** What is told of a plate that moves is its last weight; of one in trouble, none. */
const WEIGHED = new Set(["stable", "zero", "motion"]);

function showScale(item, scale) {
  if (!item.children.length) {
    item.append(make("span", "role"), make("span", "grams"), make("span", "condition"));
  }
  const [role, grams, condition] = item.children;
  const isKnown = scale.weight_g !== null && WEIGHED.has(scale.condition);
  const [figure, unit] = isKnown ? weight(scale.weight_g) : ["–", "g"];
  item.dataset.condition = scale.condition;
  setText(role, scale.name);
  if (grams.textContent !== figure + unit) grams.replaceChildren(figure, make("small", "", unit));
  setText(condition, word(`scale_${scale.condition}`));
}

/**
 * Devices, then the way to head office, then the journal: each with a state and words. What is in
 * trouble comes first: there may not be room for all.
 */
function parts(status) {
  const waiting = status.journal_seq - status.acknowledged_seq;
  const devices = status.devices.map((device) => ({
    key: `device-${device.role}`,
    name: device.name,
    role: device.role,
    text: device.text,
    state: device.is_well ? "well" : (STATES[device.state] ?? "down"),
  }));
  const sent = waiting > 0 ? word("to_be_sent", { count: number(waiting) }) : word("all_sent");
  const written = word(status.degraded ? "journal_troubled" : "journal_well");
  const office = { key: "office", name: word("head_office"), role: "", text: sent, state: "well" };
  const state = status.degraded ? "down" : "well";
  const journal = { key: "journal", name: word("journal"), role: "", text: written, state };
  const all = [...devices, ...(hasOffice() ? [office] : []), journal];
  return all.sort((one, other) => isWell(one) - isWell(other));
}

const isWell = ({ state }) => state === "well";

/** Up, but with something to complain of; everything else is down. */
const STATES = { up: "warns", starting: "warns" };

function showPart(item, { name, role, text, state }) {
  if (!item.children.length) item.append(make("span", "name"), make("span", "text"));
  item.dataset.state = state;
  setText(item.children[0], name);
  item.children[0].title = role;
  setText(item.children[1], text);
}
