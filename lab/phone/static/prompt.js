// The wallet network's own prompt for a PIN. What is typed goes to the network alone and is shown as dots.

import { Failed, h, script, t } from "./util.js";
import { line } from "./line.js";
import { handset } from "./handset.js";
import { entry } from "./entry.js";
import { idle, tell, wait } from "./modes.js";
import * as sound from "./sound.js";

const LEFT_ALONE = ["ussd", "wait", "incoming", "talk", "dial", "write", "pin"]; // a prompt comes after these
const over = new Set(); // a feed that was on its way tells of them once more
let shown = null;

export function asked(feed) {
  return feed.prompt && !feed.dialog && !over.has(feed.prompt.id) && !LEFT_ALONE.includes(handset.mode.name) ? feed.prompt : null;
}

async function act(id, what, pin) {
  const waiting = wait(t("sending"));
  try {
    const told = await line.prompt(id, what, pin);
    if (told.over) over.add(id);
    if (handset.mode === waiting) told.over ? end(told) : prompt(told);
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    if (handset.mode === waiting) tell(t("failed"));
  }
}

// The network's time for it is over, at a click.
export async function lapse() {
  if (handset.mode.name !== "pin") return false;
  await act(shown.id, "lapse");
  return true;
}

const words = (text) => h("div", { class: "said", ...script(text) }, text);

export function prompt(now) {
  if (shown?.id !== now.id) sound.message();
  shown = now;
  const field = entry("pin", t("pin_field"));
  const answer = () => field.value && act(now.id, "answer", field.value);
  const refuse = () => act(now.id, "refuse");
  handset.gauge(null);
  handset.show({
    name: "pin",
    node: h("div", { class: "ussd pin" }, words(now.text), field.node),
    left: t("ok"),
    right: () => (field.value ? t("clear") : t("cancel")),
    opened: field.focus,
    key(key) {
      if (/^[0-9]$/.test(key)) field.press(key);
      else if (["call", "ok", "left"].includes(key)) answer();
      else if (key === "right") field.value ? field.clear() : refuse();
      else if (key === "end") refuse();
      else return false;
      return true;
    },
    feed(feed) {
      if (feed.prompt?.id !== now.id) act(now.id, "look");
    },
  });
}

function end(told) {
  handset.show({
    name: "told",
    node: h("div", { class: "ussd pin" }, words(told.text)),
    left: () => (handset.unread.size ? t("read") : t("ok")),
    key(key) {
      if (key === "up" || key === "down") return false;
      const unread = handset.unread.size > 0;
      idle();
      if (unread && ["left", "ok"].includes(key)) handset.press("left");
      return true;
    },
  });
}
