/** The lane's words, and how it writes numbers: set once the lane has said so. */

let words = {};
let money = new Intl.NumberFormat("en", { minimumFractionDigits: 2 });
let minor = 100;
let kilograms = new Intl.NumberFormat("en", { minimumFractionDigits: 3 });
let isConnected = true;
let plain = new Intl.NumberFormat("en", { maximumFractionDigits: 3 });

/** Take the words of /v1/screen over, and write them wherever the page asks for one. */
export function speak(settings) {
  const tag = settings.language.replace("_", "-");
  const digits = settings.minor_digits;
  words = settings.words;
  isConnected = settings.has_head_office;
  minor = 10 ** digits;
  money = new Intl.NumberFormat(tag, {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  kilograms = new Intl.NumberFormat(tag, { minimumFractionDigits: 3 });
  plain = new Intl.NumberFormat(tag, { maximumFractionDigits: 3 });
  document.documentElement.lang = tag;
  document.title = word("title");
  for (const element of document.querySelectorAll("[data-word]")) {
    element.textContent = word(element.dataset.word);
  }
}

/** The word of a key, with its places filled; "" before the lane has spoken. */
export function word(key, values = {}) {
  return (words[key] ?? "")
    .replace(/(\{(\w+)\}[^{}]*?)\(s\)/g, (_, before, name) => before + (values[name] === 1 ? "" : "s"))
    .replace(/\{(\w+)\}/g, (place, name) => values[name] ?? place);
}

export const amount = (value_minor) => money.format(value_minor / minor);
/** Of what somebody keyed, such as "5.50" or "5,50"; null if it is no amount. */
export function toMinor(text) {
  const value = Number(text.trim().replace(",", "."));
  return text.trim() && Number.isFinite(value) ? Math.round(value * minor) : null;
}
export const hasOffice = () => isConnected;
export const number = (value) => plain.format(value);

const MINUTE_S = 60;
const HOUR_S = 3600;
const DAY_S = 86400;

/** How long ago, in the largest unit that fits. */
export const age = (age_s) =>
  age_s >= DAY_S
    ? word("age_d", { count: number(Math.floor(age_s / DAY_S)) })
    : age_s >= HOUR_S
      ? word("age_h", { count: number(Math.floor(age_s / HOUR_S)) })
      : word("age_min", { count: number(Math.floor(age_s / MINUTE_S)) });

/** Grams below a kilogram, as scales show them; kilograms above. */
export function weight(weight_g) {
  if (Math.abs(weight_g) < 1000) return [plain.format(weight_g), "g"];
  return [kilograms.format(weight_g / 1000), "kg"];
}
