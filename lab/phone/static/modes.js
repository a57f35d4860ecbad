// What the handset can be doing outside a call: idle, dialling, in a USSD dialog, reading and writing texts.

import { clock, Failed, h, numbers, script, t } from "./util.js";
import { line, refresh } from "./line.js";
import { handset, list } from "./handset.js";
import { entry } from "./entry.js";
import { callVoice } from "./calls.js";

const LINK = /(https?:\/\/[^\s]+)/;
const dialog = { text: "" };

// --- idle ------------------------------------------------------------------------------------------------------------

function idleNode() {
  const news = handset.unread.size;
  const notice = news === 1 ? t("new_one") : t("new_many", news);
  const code = h("bdi", { class: "code", dir: "ltr" }, numbers.service_code);
  const [before, behind = ""] = t("greeting", "\n").split(/\u2066?\n\u2069?/);
  return h("div", { class: "idle" }, h("p", { class: "hour", dir: "ltr" }, clock(new Date())),
    news ? h("p", { class: "notice" }, notice) : h("p", { class: "greeting" }, before, code, behind));
}

export function idle() {
  handset.gauge(null);
  handset.show({
    name: "idle",
    node: idleNode(),
    left: () => (handset.unread.size ? t("read") : t("menu")),
    right: t("messages"),
    key(key) {
      if (/^[0-9*#]$/.test(key)) dialler(key);
      else if (key === "call") dialler(numbers.service_code);
      else if (key === "left" || key === "ok") handset.unread.size ? readNewest() : menu();
      else if (key === "right" || key === "down") inbox();
    },
    feed(feed, news) {
      if (feed.dialog && !line.asking) return ussd(feed.dialog); // it goes on: the page was loaded again, or a call came
      if (news) this.node.replaceChildren(...idleNode().childNodes);
    },
  });
}

function menu() {
  handset.show(list("menu", t("menu"), [
    { label: t("options_dial", numbers.service_code), take: () => dial(numbers.service_code) },
    { label: t("messages"), take: inbox },
    { label: t("options_write"), take: () => write() },
    { label: t("options_voice"), detail: numbers.voice_national, take: callVoice },
  ], { left: t("ok"), right: t("back"), back: idle }));
}

export function tell(text) {
  const back = () => idle();
  handset.show({
    name: "tell", left: t("ok"), node: h("p", { class: "tell" }, text),
    key: (key) => (["left", "ok", "call", "end", "right"].includes(key) ? back() : /^[0-9*#]$/.test(key) && dialler(key)),
  });
}

export function wait(text) {
  const mode = {
    name: "wait", gone: false, node: h("p", { class: "wait" }, h("i", { class: "spinner" }), text),
    key(key) {
      if (key !== "end") return;
      mode.gone = true;
      idle();
    },
  };
  handset.show(mode);
  return mode;
}

// --- dialling and USSD -----------------------------------------------------------------------------------------------

export function dialler(value) {
  const field = entry("dial", t("number_field"), value);
  const go = () => dial(field.value);
  handset.show({
    name: "dial",
    node: h("div", { class: "dialling" }, field.node),
    left: t("call"),
    right: () => (field.value ? t("clear") : t("back")),
    opened: field.focus,
    key(key) {
      if (/^[0-9*#]$/.test(key)) field.press(key);
      else if (["call", "ok", "left"].includes(key)) go();
      else if (key === "right") field.value ? field.clear() : idle();
      else if (key === "end") idle();
    },
  });
}

const plain = (number) => number.replace(/\D/g, "").replace(/^(00)?212/, "0");

export function dial(code) {
  const stem = numbers.service_code.replace(/[*#]/g, "");
  const asked = code.trim();
  if (asked.startsWith("*") && asked.replace(/^\*|#$/g, "").split("*")[0] === stem) return page("dial", asked);
  if (plain(asked) === plain(numbers.voice)) return callVoice();
  return tell(t("unreachable", numbers.service_code, numbers.voice_national));
}

// One request; the handset may have gone on to something else when the answer comes.
export async function page(act, keys = "") {
  const waiting = wait(t("dialling"));
  try {
    const shown = await line.ussd(act, keys);
    if (handset.mode === waiting) ussd(shown);
    else if (waiting.gone && !shown.ended) hangUp();
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    if (handset.mode === waiting) tell(t("failed"));
  }
}

const hangUp = () => line.ussd("drop").catch(() => {});

function ussd(shown) {
  dialog.text = shown.text;
  const field = shown.ended ? null : entry("answer", t("answer_field"));
  const { used, most, unit } = shown.room;
  handset.gauge(shown.room, t(unit === "gsm7" ? "septets" : "units", used, most));
  const leave = () => {
    if (!shown.ended) hangUp();
    idle();
  };
  const answer = () => (shown.ended ? idle() : field.value && page("send", field.value));
  handset.show({
    name: shown.ended ? "over" : "ussd",
    node: h("div", { class: "ussd" }, h("div", { class: "said", ...script(shown.text) }, shown.text),
      field ? field.node : h("p", { class: "quiet" }, t("over"))),
    left: shown.ended ? t("ok") : t("send"),
    right: () => (shown.ended ? "" : field.value ? t("clear") : t("back")),
    opened: () => field?.focus(),
    key(key) {
      if (/^[0-9*#]$/.test(key)) field ? field.press(key) : dialler(key);
      else if (["call", "ok", "left"].includes(key)) answer();
      else if (key === "right") field?.value ? field.clear() : leave();
      else if (key === "end") leave();
    },
  });
}

// The network loses the dialog under the customer's hands.
export async function lose() {
  if (!["ussd", "wait"].includes(handset.mode.name)) return false;
  await line.ussd("drop");
  tell(t("dropped", numbers.service_code));
  return true;
}

// The gateway asks again; true when it was answered the same.
export async function repeat() {
  const before = dialog.text;
  const shown = await line.ussd("repeat");
  if (["ussd", "over"].includes(handset.mode.name)) ussd(shown);
  return shown.text === before;
}

// --- texts -----------------------------------------------------------------------------------------------------------

let texts = [];
export const keepTexts = (fresh) => (texts = fresh);
const newest = () => [...texts].reverse();

export function inbox() {
  const rows = newest().map((text) => ({
    label: text.direction === "inbound" ? t("to", text.to) : t("from", text.from),
    detail: text.body,
    unread: handset.unread.has(text.sid),
    take: () => read(text),
  }));
  handset.show(list("inbox", t("messages"), rows, { left: rows.length ? t("read") : t("ok"), right: t("back"), back: idle, empty: t("no_messages") }));
}

function readNewest() {
  const text = newest().find((each) => handset.unread.has(each.sid));
  return text ? read(text) : inbox();
}

function read(text) {
  handset.unread.delete(text.sid);
  document.getElementById("lcd-mail").hidden = handset.unread.size === 0;
  const pieces = text.body.split(LINK).map((piece) => (LINK.test(piece)
    ? h("a", { href: piece, target: "_blank", rel: "noopener", dir: "ltr" }, piece) : piece));
  const body = h("div", { class: "said", ...script(text.body) }, ...pieces);
  const link = body.querySelector("a");
  const who = text.direction === "inbound" ? t("to", text.to) : t("from", text.from);
  const reply = () => write();
  handset.show({
    name: "read",
    node: h("div", {}, h("p", { class: "title" }, who, h("time", { dir: "ltr" }, clock(new Date(text.created_at)))), body),
    left: link ? t("open") : t("reply"),
    right: t("back"),
    key(key) {
      if (key === "left" || key === "ok") link ? link.click() : reply();
      else if (key === "call") reply();
      else if (key === "right" || key === "end") handset.unread.size ? idle() : inbox();
      else return false;
      return true;
    },
  });
}

export function write(value = "") {
  const field = entry("text", t("text_field"), value);
  handset.show({
    name: "write",
    node: h("div", { class: "write" }, h("p", { class: "title" }, t("to", numbers.short_code)), field.node),
    left: t("send"),
    right: () => (field.value ? t("clear") : t("back")),
    opened: field.focus,
    key(key) {
      if (/^[0-9*#]$/.test(key)) field.press(key);
      else if (["call", "ok", "left"].includes(key)) field.value.trim() && send(field.value);
      else if (key === "right") field.value ? field.clear() : idle();
      else if (key === "end") idle();
      else return false;
      return true;
    },
  });
}

export async function send(body) {
  const waiting = wait(t("sending"));
  try {
    await line.text(body, numbers.short_code);
    if (handset.mode === waiting) idle();
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    if (handset.mode === waiting) tell(t("failed"));
  } finally {
    refresh();
  }
}
