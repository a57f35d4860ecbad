// One subscriber's connection to the demo: what a handset may ask, and a feed of what happens to it.

import { ask, Failed, language, people } from "./util.js";

const BUSY_MS = 250;
const IDLE_MS = 700;
const SETTLE_MS = 120;

export const line = {
  number: people[0].msisdn,
  wire: "",
  asking: 0, // USSD requests under way: until they are answered, what a feed tells of the dialog is old
  async ussd(act, keys = "") {
    line.asking += 1;
    try {
      return await ask("POST", `ussd/${encodeURIComponent(line.number)}`, { act, keys, wire: line.wire });
    } finally {
      line.asking -= 1;
      refresh(0);
    }
  },
  text: (body, to) => ask("POST", `texts/${encodeURIComponent(line.number)}`, { body, to }),
  dial: () => ask("POST", `phones/${encodeURIComponent(line.number)}/calls`, { pace: "real" }),
  act: (sid, act, keys = "") => ask("POST", `calls/${sid}/${act}`, act === "answer" ? { pace: "real" } : { keys }),
  prompt: (id, act, pin = "") =>
    ask("POST", `prompts/${encodeURIComponent(line.number)}/${id}?lang=${language}`, { act, pin }),
  trouble: (trouble, on) => ask("POST", "troubles", { trouble, on }),
};

const listeners = [];
let after = 0;
let timer;
let generation = 0;
let lively = false;

export const onFeed = (listener) => listeners.push(listener);
// A call wants a quicker eye.
export const hurry = (on) => (lively = on);

async function look() {
  const mine = generation;
  try {
    const feed = await ask("GET", `feed/${encodeURIComponent(line.number)}?after=${after}&lang=${language}`);
    if (mine !== generation) return;
    after = feed.last;
    for (const listener of listeners) listener(feed);
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
  } finally {
    if (mine === generation) timer = setTimeout(look, lively ? BUSY_MS : IDLE_MS);
  }
}

// Look again now: something was just done.
export function refresh(delay = SETTLE_MS) {
  generation += 1;
  clearTimeout(timer);
  timer = setTimeout(look, delay);
}

export function become(number) {
  line.number = number;
  after = 0;
  refresh(0);
}
