/**
 * The page's only way to the lane: requests with a token, and one stream of events that comes back
 * by itself. The token lives in this module's memory: never in an address, a cookie or a store.
 */

const PAUSE_MS_MIN = 250;
const PAUSE_MS_MAX = 2000;
const GRACE_MS = 2000; // beyond two heartbeats, before silence means that nobody is there

let token = "";
let build = "";

/** The lane does not let this page in: it is not opened on the lane's own machine. */
export class Refused extends Error {}

async function openSession() {
  const response = await fetch("/v1/screen/session", { method: "POST", cache: "no-store" });
  if (response.status === 403) throw new Refused();
  if (!response.ok) throw new Error(`session: ${response.status}`);
  const session = await response.json();
  if (build && build !== session.build) location.reload(); // the lane has newer pages
  ({ token, build } = session);
}

function send(path, { method = "GET", body, language = "*", signal } = {}) {
  const headers = { Authorization: `Bearer ${token}`, "Accept-Language": language };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const content = body === undefined ? undefined : JSON.stringify(body);
  return fetch(path, { method, headers, body: content, signal, cache: "no-store" });
}

/** A request to the lane; a token that a restart of the lane made worthless is fetched anew. */
export async function ask(path, options) {
  if (!token) await openSession();
  const response = await send(path, options);
  if (response.status !== 401) return response;
  await openSession();
  return send(path, options);
}

/**
 * Follow the lane until the returned function is called.
 * `onOpen(settings)`: connected, with the answer of /v1/screen; `onEvent(kind, content)`;
 * `onLost(refused)`: not connected, after each try that failed.
 */
export function follow({ language, onOpen, onEvent, onLost }) {
  const ended = new AbortController();
  let pause_ms = PAUSE_MS_MIN;
  const heard = (kind, content) => {
    pause_ms = PAUSE_MS_MIN;
    onEvent(kind, content);
  };
  (async () => {
    while (!ended.signal.aborted) {
      let refused = false;
      try {
        await followOnce(language, onOpen, heard, ended.signal);
      } catch (error) {
        refused = error instanceof Refused;
        if (!(error instanceof TypeError || error.name === "AbortError" || refused)) {
          console.warn(error);
        }
      }
      if (ended.signal.aborted) return;
      onLost(refused);
      await new Promise((resolve) => setTimeout(resolve, pause_ms));
      pause_ms = Math.min(pause_ms * 2, PAUSE_MS_MAX);
    }
  })();
  return () => ended.abort();
}

async function followOnce(language, onOpen, onEvent, ended) {
  const settings = await json(await ask("/v1/screen", { language, signal: ended }));
  const silent = new AbortController();
  const signal = AbortSignal.any([ended, silent.signal]);
  const response = await ask("/v1/events", { language, signal });
  if (!response.ok) throw new Error(`events: ${response.status}`);
  onOpen(settings);
  const patience_ms = 2 * settings.heartbeat_ms + GRACE_MS;
  let watch = setTimeout(() => silent.abort(), patience_ms);
  try {
    for await (const text of texts(response.body)) {
      clearTimeout(watch);
      watch = setTimeout(() => silent.abort(), patience_ms);
      dispatch(text, onEvent);
    }
  } finally {
    clearTimeout(watch);
    silent.abort();
  }
}

async function json(response) {
  if (!response.ok) throw new Error(`${response.url}: ${response.status}`);
  return response.json();
}

/** The messages of a stream, each as text without the empty line that ends it. */
async function* texts(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    yield* parts;
  }
}

function dispatch(text, onEvent) {
  const fields = Object.fromEntries(text.split("\n").map(field));
  if (fields.data) onEvent(fields.event, JSON.parse(fields.data));
}

/** [name, value] of a line such as "data: 1"; a comment has no name. */
function field(line) {
  const colon = line.indexOf(":");
  return [line.slice(0, colon), line.slice(colon + 1).trimStart()];
}
