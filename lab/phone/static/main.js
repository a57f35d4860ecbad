// Joins the page: keys and keyboard to the handset, the feed to everything that shows it, buttons to what they do.

import { $, all, Failed, numbers, people, language, t, toast } from "./util.js";
import { become, line, onFeed, refresh } from "./line.js";
import { handset, tick } from "./handset.js";
import { dial, idle, keepTexts, lose, repeat, send } from "./modes.js";
import { callVoice, incoming, live, ringing, spoken, stepAside, talk } from "./calls.js";
import { asked, lapse, prompt } from "./prompt.js";
import { clearTrace, showMails, showTrace } from "./panels.js";
import * as sound from "./sound.js";

const KEYBOARD = { Enter: "call", Escape: "end", Backspace: "right", ArrowUp: "up", ArrowDown: "down" };
const narrow = matchMedia("(max-width: 43.99rem)");
const CLOCK_MS = 10_000;
let first = true;

// --- what happens ------------------------------------------------------------------------------------------------------

function news(texts) {
  const fresh = texts.filter((text) => text.direction !== "inbound" && !handset.seen.has(text.sid));
  for (const text of fresh) {
    handset.seen.add(text.sid);
    if (!first) handset.unread.add(text.sid);
  }
  $("lcd-mail").hidden = handset.unread.size === 0;
  if (fresh.length && !first) sound.message();
  return fresh.length > 0 && !first;
}

onFeed((feed) => {
  keepTexts(feed.texts);
  const fresh = news(feed.texts);
  const call = live.sid === null ? ringing(feed) : undefined;
  const goingOn = first && live.sid === null ? spoken(feed) : undefined;
  if (goingOn) talk(goingOn);
  else if (call && handset.mode.name !== "incoming") incoming(call);
  else if (asked(feed)) prompt(feed.prompt);
  handset.mode.feed?.(feed, fresh);
  if (fresh) handset.labels();
  showMails(feed.mails);
  showTrace(feed.trace);
  for (const button of all("[data-trouble]")) {
    button.setAttribute("aria-pressed", String(feed.troubles[button.dataset.trouble] === true));
  }
  first = false;
});

function choosePerson(msisdn) {
  first = true;
  handset.unread.clear();
  handset.seen.clear();
  clearTrace();
  stepAside();
  idle();
  become(msisdn);
  keep();
}

// Who is played, and over which wire, stands in the address and in every link to this page.
function keep() {
  const { number } = people.find((each) => each.msisdn === line.number);
  for (const link of [location, ...all("a.brand, .languages a")]) {
    const url = new URL(link.href);
    url.searchParams.set("from", number);
    url.searchParams.set("wire", line.wire);
    if (link === location) history.replaceState(null, "", url);
    else link.href = url.href;
  }
}

// --- keys --------------------------------------------------------------------------------------------------------------

$("handset").addEventListener("click", (event) => {
  const key = event.target.closest("[data-key]");
  if (key) handset.press(key.dataset.key);
});

// A mouse on the keys takes nothing away from the field that is being filled.
document.querySelector("#handset .deck").addEventListener("mousedown", (event) => event.preventDefault());

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const target = event.target;
  const inside = target === document.body || target.closest("#handset");
  if (!inside && (target.matches("select, input") || !/^([0-9*#]|Escape)$/.test(event.key))) return;
  const typing = target.matches("input, textarea");
  const name = /^[0-9*#]$/.test(event.key) ? event.key : KEYBOARD[event.key];
  if (!name) return;
  if (typing && !["call", "end"].includes(name)) return;
  if (target.matches("button") && event.key === "Enter" && !event.repeat) return; // the button's own click
  event.preventDefault();
  if (!inside) $("lcd").focus({ preventScroll: true }); // what is typed next is the handset's too
  handset.press(name);
});
document.addEventListener("input", () => handset.labels());

// --- buttons -----------------------------------------------------------------------------------------------------------

function toPhone() {
  $("lcd").focus({ preventScroll: true });
  $("handset").scrollIntoView(narrow.matches ? { block: "start", behavior: "instant" } : { block: "nearest", behavior: "smooth" });
}
const DOINGS = { dial: () => dial(numbers.service_code), code: () => send("CODE"), voice: callVoice };
const FAULTS = {
  drop: async () => (await lose()) || toast(t("no_dialog")),
  repeat: async () => toast(t((await repeat()) ? "repeated" : "repeated_other")),
  cut: async () => (live.sid ? line.act(live.sid, "hang-up") : toast(t("no_call"))),
  lapse: async () => (await lapse()) || toast(t("no_prompt")),
  silence: async () => (live.sid ? line.act(live.sid, "silence") : toast(t("no_call"))),
};

async function guarded(doing) {
  try {
    await doing();
  } catch (error) {
    if (!(error instanceof Failed)) throw error;
    toast(error.message === "" ? t("failed") : t("no_dialog"));
  }
  refresh();
}

function copy(text) {
  navigator.clipboard.writeText(text).then(() => toast(t("copied", text)), () => {});
}

document.addEventListener("click", (event) => {
  const data = event.target.closest("button")?.dataset ?? {};
  if (data.do) { toPhone(); guarded(DOINGS[data.do]); }
  if (data.fault) guarded(FAULTS[data.fault]);
  if (data.copy) copy(data.copy);
  if (data.keys) {
    live.sid ? handset.mode.type?.(data.keys) : toast(t("no_call"));
    if (live.sid) toPhone();
  }
  if (data.trouble) {
    const on = event.target.closest("button").getAttribute("aria-pressed") !== "true";
    guarded(() => line.trouble(data.trouble, on));
  }
});

$("sound").addEventListener("click", () => $("sound").setAttribute("aria-pressed", String(sound.toggle())));
$("trace-clear").addEventListener("click", clearTrace);
$("wire").addEventListener("change", () => {
  line.wire = $("wire").value;
  keep();
});
$("person").addEventListener("change", () => choosePerson($("person").value));

// --- begin -------------------------------------------------------------------------------------------------------------

const wanted = new URLSearchParams(location.search);
const begin = people.find((each) => each.number === wanted.get("from")) ?? people.find((each) => each.language === language) ?? people[0];
$("person").value = begin.msisdn;
if (all("#wire option").some((each) => each.value === wanted.get("wire"))) $("wire").value = wanted.get("wire");
line.wire = $("wire").value;
tick();
setInterval(tick, CLOCK_MS);
choosePerson(begin.msisdn);
