/**
 * The browser's own beep, for boxes whose scanner and speaker are not heard: off until switched on.
 * A browser gives no sound before the page was touched once; a switched-on page says so.
 */

const KEY = "lanetally.sound";
const VOLUME = 0.2;

//: tone -> [frequency in Hz, begin in s, length in s] of each of its notes
const TONES = {
  good: [[1320, 0, 0.07]],
  bad: [[330, 0, 0.18], [262, 0.22, 0.3]],
};

let context = null;

/** "off", "on", or "waiting" for the first touch. */
export function soundState() {
  if (localStorage.getItem(KEY) !== "on") return "off";
  return context?.state === "running" ? "on" : "waiting";
}

export async function toggleSound() {
  localStorage.setItem(KEY, localStorage.getItem(KEY) === "on" ? "off" : "on");
  await wake();
}

/** To be called from a touch or a key: only then a browser lets a page be heard. */
export async function wake() {
  if (localStorage.getItem(KEY) !== "on") return;
  context ??= new AudioContext();
  if (context.state !== "running") await context.resume();
}

export function beep(tone) {
  if (soundState() !== "on") return;
  for (const [frequency, begin_s, length_s] of TONES[tone]) {
    const note = context.createOscillator();
    const volume = context.createGain();
    const begin = context.currentTime + begin_s;
    note.frequency.value = frequency;
    volume.gain.setValueAtTime(VOLUME, begin);
    volume.gain.exponentialRampToValueAtTime(0.001, begin + length_s);
    note.connect(volume).connect(context.destination);
    note.start(begin);
    note.stop(begin + length_s);
  }
}
