// Calls: one that rings, one that is spoken. Keys of a card are shown as dots; the words spoken are always written.

import { duration, Failed, h, language, numbers, script, t } from "./util.js";
import { hurry, line, refresh } from "./line.js";
import { handset } from "./handset.js";
import * as sound from "./sound.js";
import { idle, tell } from "./modes.js";

const SECRET = new Set(["CardNumber", "CardExpiry", "CardCvv", "BankPin"]);
const SECOND_MS = 1000;
const gone = new Set(); // calls this handset is through with

export const live = { sid: null, screen: null };

export const spoken = (feed) => feed.calls.find((call) => !call.rings && !call.ended && !gone.has(call.sid));

// The line is left as it is: somebody else's handset is looked at.
export function stepAside() {
  sound.hush();
  Object.assign(live, { sid: null, screen: null });
  hurry(false);
}

export function ringing(feed) {
  return feed.calls.find((call) => call.rings && call.direction === "outbound-api" && !gone.has(call.sid));
}

function leave(sid) {
  gone.add(sid);
  stepAside();
}

async function act(sid, what, keys) {
  try {
    await line.act(sid, what, keys);
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
  }
  refresh();
}

export function incoming(call) {
  hurry(true);
  sound.ring();
  const accept = () => { sound.hush(); act(call.sid, "answer"); talk(call); };
  const decline = () => { leave(call.sid); act(call.sid, "hang-up"); idle(); };
  handset.gauge(null);
  handset.show({
    name: "incoming",
    node: h("div", { class: "incoming" }, h("p", { class: "rings", "aria-hidden": "true" }, h("i"), h("i"), h("b", {}, "☎")),
      h("p", { class: "caller" }, h("strong", { dir: "ltr" }, numbers.voice_national), t("incoming")),
      h("div", { class: "choice" },
        h("button", { type: "button", class: "yes", onclick: accept }, t("accept")),
        h("button", { type: "button", class: "no", onclick: decline }, t("decline")))),
    left: t("accept"),
    right: t("decline"),
    key(key) {
      if (["call", "ok", "left"].includes(key)) accept();
      else if (key === "end" || key === "right") decline();
    },
    feed(feed) {
      const now = feed.calls.find((each) => each.sid === call.sid);
      if (now && now.rings) return;
      leave(call.sid);
      tell(t("missed"));
    },
  });
}

export async function callVoice() {
  try {
    const call = await line.dial();
    talk(call);
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    tell(t("failed"));
  }
  refresh();
}

// The line is open: captions grow, keys are tones.
export function talk(call) {
  Object.assign(live, { sid: call.sid, screen: null });
  hurry(true);
  handset.gauge(null);
  const began = Date.now() - call.elapsed_ms;
  const timer = h("time", { dir: "ltr" }, duration(call.elapsed_ms));
  const captions = h("div", { class: "captions" }, h("p", { class: "quiet" }, t("calling", numbers.voice_national)));
  const typed = h("p", { class: "typed", dir: "ltr", "aria-hidden": "true" });
  const ticking = setInterval(() => (timer.textContent = duration(Date.now() - began)), SECOND_MS);
  let heard = 0;
  let keys = "";
  let sent = Promise.resolve();

  // Digits are shown only while the question is known to be no secret one.
  function press(pressed) {
    sound.silence();
    for (const key of pressed) {
      keys += /\d/.test(key) && (live.screen === null || SECRET.has(live.screen)) ? "•" : key;
      if (key === "#" || live.oneKey) live.screen = null;
    }
    typed.textContent = keys;
    sent = sent.then(() => act(call.sid, "press", pressed)); // one after the other, as on a line
  }

  function hear(now) {
    if (now.captions.length > heard) {
      if (!heard) captions.replaceChildren();
      for (const caption of now.captions.slice(heard)) captions.append(h("p", script(caption.text), caption.text));
      sound.speak(now.captions.slice(Math.max(heard, call.captions.length - 1))); // of a call that went on, the last
      heard = now.captions.length;
      keys = typed.textContent = "";
      captions.lastChild.scrollIntoView({ block: "start" });
    }
    live.oneKey = now.waiting?.digits_max === 1;
    live.screen = now.waiting ? now.screen : null;
  }

  handset.show({
    name: "talk",
    node: h("div", { class: "talk" }, h("p", { class: "title" }, h("bdi", { dir: "ltr" }, numbers.voice_national), timer), captions, typed),
    left: t("silent"),
    right: t("hangup"),
    closed: () => clearInterval(ticking),
    type: press,
    key(key) {
      if (/^[0-9*#]$/.test(key)) press(key);
      else if (key === "left") act(call.sid, "silence");
      else if (key === "end" || key === "right") {
        sound.silence();
        act(call.sid, "hang-up");
      } else return false;
      return true;
    },
    feed(feed) {
      const now = feed.calls.find((each) => each.sid === call.sid);
      if (now) hear(now);
      if (now && !now.ended) return;
      leave(call.sid);
      over(captions, duration(Date.now() - began), now?.transferred_to);
    },
  });
}

// What was said stays readable until a key is pressed: it holds the authorisation number.
function over(captions, length, transferred) {
  const told = transferred ? t("transferred", transferred) : t("ended", length);
  handset.show({
    name: "hungup",
    node: h("div", { class: "talk" }, h("p", { class: "title", lang: language }, told), captions),
    left: () => (handset.unread.size ? t("read") : t("ok")),
    opened: () => captions.lastChild?.scrollIntoView({ block: "start" }),
    key(key) {
      if (key === "up" || key === "down") return false;
      const unread = handset.unread.size > 0;
      idle();
      if (unread && ["left", "ok"].includes(key)) handset.press("left");
      return true;
    },
  });
}
