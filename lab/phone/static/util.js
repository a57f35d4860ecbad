// What every part of the page stands on: the server's texts and numbers, elements, requests. Nothing is ever set as HTML.

const start = JSON.parse(document.getElementById("start").textContent);
export const { numbers, people, language, mailbox, voice, texts } = start;
const rtl = language === "ar";

export const $ = (id) => document.getElementById(id);
export const all = (selector) => [...document.querySelectorAll(selector)];

// A text of the page's language; values stand apart from the Arabic around them.
export function t(key, ...values) {
  return texts[key].replace(/%(\d)/g, (_, n) => (rtl ? `\u2066${values[n - 1]}\u2069` : values[n - 1]));
}

// An element: h("p", {class: "x", onclick: f}, "text", child).
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value !== false && value !== null) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null));
  return element;
}

const count = (text, letters) => (text.match(letters) ?? []).length;
// How a text of unknown language is set: as most of its letters are, addresses not counted.
export function script(whole) {
  const text = whole.replace(/https?:\S+/g, "");
  return count(text, /[\u0600-\u06ff]/g) > count(text, /[A-Za-z\u00c0-\u00ff]/g) ? { dir: "rtl", lang: "ar" } : { dir: "ltr" };
}

export class Failed extends Error {}

// JSON there and back. Throws Failed with the server's words.
export async function ask(method, path, order) {
  const headers = order === undefined ? {} : { "Content-Type": "application/json" };
  let answer;
  try {
    answer = await fetch(`/phone/api/${path}`, { method, headers, body: order && JSON.stringify(order) });
  } catch {
    throw new Failed(t("failed"));
  }
  const told = answer.status === 204 ? null : await answer.json();
  if (!answer.ok) throw new Failed(told.error);
  return told;
}

let fading;
export function toast(text) {
  $("toast").textContent = text;
  $("toast").classList.add("shown");
  clearTimeout(fading);
  fading = setTimeout(() => $("toast").classList.remove("shown"), 4000);
}

// Moroccan time, as on receipts.
const ZONE = "Africa/Casablanca";
export const clock = (date) => date.toLocaleTimeString("fr-FR", { hour: "2-digit", minute: "2-digit", timeZone: ZONE });
export const second = (date) => date.toLocaleTimeString("fr-FR", { timeZone: ZONE });
export const duration = (ms) => {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
};
