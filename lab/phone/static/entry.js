// A field on the handset's screen: typed on a keyboard, or on its keys (letters by pressing a key again).

import { h } from "./util.js";

const LETTERS = { 1: ".@-_1", 2: "abc2", 3: "def3", 4: "ghi4", 5: "jkl5", 6: "mno6", 7: "pqrs7", 8: "tuv8", 9: "wxyz9", 0: " 0", "*": "+*" };
const AGAIN_MS = 900;
const MODES = ["abc", "ABC", "123"];
const fine = matchMedia("(hover: hover) and (pointer: fine)");

// `kind`: "dial" takes every key as it is, "answer" begins with digits, "text" with letters, "pin" shows none.
export function entry(kind, label, value = "") {
  const long = kind === "text";
  const secret = kind === "pin";
  const field = h(long ? "textarea" : "input", {
    class: "entry",
    type: secret ? "password" : false,
    "aria-label": label,
    maxlength: secret ? 8 : long ? 480 : 160,
    autocomplete: "off",
    autocapitalize: "off",
    spellcheck: "false",
    inputmode: long || fine.matches ? (secret ? "numeric" : "text") : "none",
    dir: long ? "auto" : "ltr",
    rows: long ? 4 : false,
  });
  field.value = value;
  const badge = h("span", { class: "badge", "aria-hidden": "true" });
  const node = h("div", { class: "field" }, field, kind === "dial" || secret ? null : badge);
  let mode = kind === "text" ? 0 : 2;
  let last = { key: "", at: 0, step: 0 };
  badge.textContent = MODES[mode];

  function put(letter, replace) {
    const end = field.selectionEnd;
    field.setRangeText(letter, replace ? end - 1 : field.selectionStart, end, "end");
  }

  function press(key) {
    if (secret) return field.value.length < field.maxLength && put(key, false);
    if (kind !== "dial" && key === "#") {
      mode = (mode + 1) % MODES.length;
      badge.textContent = MODES[mode];
      last = { key: "", at: 0, step: 0 };
      return;
    }
    if (kind === "dial" || MODES[mode] === "123") return put(key, false);
    const again = last.key === key && performance.now() - last.at < AGAIN_MS;
    const step = again ? (last.step + 1) % LETTERS[key].length : 0;
    const letter = LETTERS[key][step];
    put(MODES[mode] === "ABC" ? letter.toUpperCase() : letter, again);
    last = { key, at: performance.now(), step };
  }

  function clear() {
    const { selectionStart: from, selectionEnd: to } = field;
    if (to > 0) field.setRangeText("", from === to ? from - 1 : from, to, "end");
  }

  // Focus is taken where it opens no keyboard over the page, and never away from another field.
  function focus() {
    const busy = document.activeElement?.closest("select, .aside, .desk");
    if (fine.matches && !busy) field.focus({ preventScroll: true });
    field.setSelectionRange(field.value.length, field.value.length);
  }

  return { node, field, press, clear, focus, get value() { return field.value; } };
}
