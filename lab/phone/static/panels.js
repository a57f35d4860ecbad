// Beside the handset: the mailbox and what passes over the wires.

import { $, clock, h, mailbox, script, second, t } from "./util.js";

const ENTRIES_MAX = 200;
const SHOWN_FIELDS = ["text", "input", "Digits", "Body", "CallStatus", "MessageStatus", "status", "To"];
const SAID = /"(ussdString|text|Message)":\s*"([^"]*)"|(string)="([^"]*)"/; // in a body of JSON or XML

let lettersShown = "";
let open = null;

export function showMails(mails) {
  if (!mailbox) return ($("mail-empty").textContent = t("no_mailbox"));
  if (JSON.stringify([mails, open]) === lettersShown) return null;
  const newest = mails[0]?.id ?? null;
  if (!lettersShown.includes(newest) || !mails.some((mail) => mail.id === open)) open = newest;
  lettersShown = JSON.stringify([mails, open]);
  $("mail-empty").hidden = mails.length > 0;
  $("mail-count").hidden = mails.length === 0;
  $("mail-count").textContent = mails.length;
  $("letters").replaceChildren(...mails.map((mail) =>
    h("button", { type: "button", class: "letter", "aria-pressed": String(mail.id === open), onclick: () => choose(mail, mails) },
      h("span", { class: "subject", ...script(mail.subject) }, mail.subject),
      h("small", {}, h("bdi", { dir: "ltr" }, mail.to), h("time", { dir: "ltr" }, mail.at ? clock(new Date(mail.at)) : "")))));
  const frame = $("letter");
  frame.hidden = open === null;
  if (open !== null && frame.dataset.id !== open) {
    frame.dataset.id = open;
    frame.src = `/phone/mails/${open}`;
  }
  return null;
}

function choose(mail, mails) {
  open = mail.id;
  showMails(mails);
}

const pretty = (body) => body.replace(/></g, ">\n<");
const list = (fields) => Object.entries(fields).map(([name, value]) => `${name}=${value}`).join("\n");

// a text in Arabic turns nothing round but itself
const told = (name, value) => [`${name}=`, h("bdi", {}, value)];

function gist(entry) {
  const said = SAID.exec(entry.fields.body ?? "");
  if (said) return told(said[1] ?? said[3], said[2] ?? said[4]);
  const name = SHOWN_FIELDS.find((each) => entry.fields[each]);
  return name ? told(name, entry.fields[name]) : [];
}

function entryNode(entry) {
  const failed = entry.status < 200 || entry.status >= 300;
  const path = entry.path.replace(/\?.*/, "").replace(/^\/2010-04-01\/Accounts\/[^/]+/, "…");
  return h("details", { class: entry.outgoing ? "entry-out" : "entry-in" },
    h("summary", {},
      h("time", {}, second(new Date(entry.at))),
      h("span", { class: "way" }, entry.outgoing ? "←" : "→"),
      h("code", { class: "path" }, `${entry.method} ${path}`),
      h("code", { class: "gist" }, ...gist(entry)),
      entry.screen ? h("span", { class: "screen" }, entry.screen) : null,
      h("span", { class: failed ? "status failed" : "status" }, String(entry.status || "—")),
      h("span", { class: "ms" }, `${Math.round(entry.elapsed_ms)} ms`)),
    h("div", { class: "both" },
      h("div", {}, h("h3", {}, t("request")), h("pre", { tabindex: "0" }, `${entry.method} ${entry.path}\n\n${list(entry.fields)}`)),
      h("div", {}, h("h3", {}, t("reply_body")), h("pre", { tabindex: "0", dir: "auto" }, pretty(entry.body) || "—"))));
}

export function showTrace(entries) {
  const log = $("trace");
  if (entries.length) log.querySelector(".quiet")?.remove();
  for (const entry of entries) log.prepend(entryNode(entry));
  while (log.children.length > ENTRIES_MAX) log.lastChild.remove();
}

export function clearTrace() {
  $("trace").replaceChildren(h("p", { class: "quiet", dir: "auto" }, t("trace_empty")));
}
