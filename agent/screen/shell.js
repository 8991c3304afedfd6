/**
 * What every page of the lane screen has: the bar at the top, language, sound, and the word that it
 * is not connected. A page calls `start` with what it does with the lane's events.
 */

import { $, make, setText } from "./dom.js";
import { follow } from "./link.js";
import { soundState, toggleSound, wake } from "./sound.js";
import { speak, word } from "./words.js";

const LANGUAGE_KEY = "lanetally.language";

/** The pages, in the order of the bar; the bar shows them once there is more than one. */
const PAGES = [
  { path: "/screen/", word: "title" },
  { path: "/screen/backfill", word: "backfill" },
  { path: "/screen/returns", word: "returns" },
];

const bar = {
  place: make("p", "place"),
  pages: make("nav"),
  sound: make("button", "quiet"),
  language: make("button", "quiet"),
};

let languages = [];
let stop = () => {};
let page;

/** `page.onLane(lane)`, `page.onEvent(kind, content)`; `page.onSpeak(settings)` in each language. */
export function start(ofPage) {
  page = ofPage;
  buildBar();
  connect(localStorage.getItem(LANGUAGE_KEY) ?? "*"); // "*": the shop's own
}

/** Call `handlers[key]()` for keys such as "F8", wherever the focus is. */
export function onKeys(handlers) {
  document.addEventListener("keydown", (event) => {
    const handler = handlers[event.key];
    if (!handler || event.repeat || event.ctrlKey || event.altKey || event.metaKey) return;
    if (handler() !== false) event.preventDefault();
  });
}

function buildBar() {
  bar.sound.type = bar.language.type = "button";
  bar.sound.id = "sound";
  bar.language.id = "language";
  bar.sound.onclick = () => toggleSound().then(showSound);
  bar.language.onclick = changeLanguage;
  if (PAGES.length > 1) bar.pages.append(...PAGES.map(pageLink));
  $("bar").append(bar.place, bar.pages, bar.sound, bar.language);
  onKeys({ F2: () => bar.language.click(), F4: () => bar.sound.click() });
  for (const kind of ["pointerdown", "keydown"]) {
    document.addEventListener(kind, () => wake().then(showSound));
  }
}

function pageLink({ path, word: key }) {
  const link = make("a");
  link.href = path;
  link.dataset.word = key;
  if (location.pathname === path) link.setAttribute("aria-current", "page");
  return link;
}

function connect(language) {
  stop();
  stop = follow({ language, onOpen, onEvent, onLost });
}

function onOpen(settings) {
  languages = settings.languages;
  speak(settings);
  setText(bar.place, [settings.store, settings.lane].filter(Boolean).join(" · "));
  bar.language.replaceChildren(word("language"), " ", make("kbd", "", "F2"));
  bar.language.setAttribute("aria-label", word("language_hint"));
  showSound();
  page.onSpeak(settings);
}

function onEvent(kind, content) {
  if (kind === "lane") {
    page.onLane(content);
    document.body.dataset.link = "up";
  } else {
    page.onEvent(kind, content);
  }
}

function onLost(refused) {
  document.body.dataset.link = refused ? "refused" : "lost";
  const text = word(refused ? "refused" : "not_connected");
  if (text) setText($("link"), text); // without words: the page's own, in every language
}

function changeLanguage() {
  const next = languages.indexOf(document.documentElement.lang.replace("-", "_")) + 1;
  if (!languages.length) return;
  const language = languages[next % languages.length].replace("_", "-");
  localStorage.setItem(LANGUAGE_KEY, language);
  connect(language);
}

function showSound() {
  const state = soundState();
  bar.sound.replaceChildren(word(`sound_${state}`), " ", make("kbd", "", "F4"));
  bar.sound.setAttribute("aria-pressed", String(state !== "off"));
}
