// The handset: a screen that shows one mode at a time, and keys that the mode understands.
// A mode is {name, node, left, right, key(name), feed(feed), opened()}; all but node may be missing.

import { $, clock, h } from "./util.js";
import * as sound from "./sound.js";

const DOWN_MS = 130;
const SCROLL_PX = 60;

export const handset = {
  mode: { name: "" },
  unread: new Set(),
  seen: new Set(),

  show(mode) {
    this.mode.closed?.();
    this.mode = mode;
    $("handset").dataset.mode = mode.name;
    $("lcd").replaceChildren(mode.node);
    $("lcd").scrollTop = 0;
    this.labels();
    mode.opened?.();
  },

  // The words above the two soft keys; modes change theirs as they go.
  labels() {
    const word = (side) => (typeof side === "function" ? side() : side) ?? "";
    $("soft-left").textContent = word(this.mode.left);
    $("soft-right").textContent = word(this.mode.right);
  },

  press(name) {
    sound.key(name);
    const key = document.querySelector(`#handset [data-key="${CSS.escape(name)}"]`);
    key?.classList.add("down");
    setTimeout(() => key?.classList.remove("down"), DOWN_MS);
    if (this.mode.key?.(name) !== true && (name === "up" || name === "down")) {
      $("lcd").scrollBy({ top: name === "up" ? -SCROLL_PX : SCROLL_PX });
    }
    this.labels();
  },

  gauge(room, words) {
    $("gauge").hidden = room === null;
    if (room === null) return;
    $("gauge").querySelector(".reading").textContent = words;
    $("gauge").querySelector("i").style.setProperty("--full", Math.min(1, room.used / room.most));
  },
};

// A column of choices: arrows move, OK or the digit takes, a click takes too.
export function list(name, title, rows, { left, right, back, empty = "" }) {
  let at = 0;
  const buttons = rows.map((row, i) =>
    h("button", { type: "button", class: "row", tabindex: "-1", onclick: () => row.take() },
      h("span", { class: "label" }, ...(row.unread ? [h("i", { class: "dot" })] : []), row.label),
      row.detail ? h("small", { dir: "auto" }, row.detail) : null, h("em", { class: "digit" }, String(i + 1))));
  const mark = () => buttons.forEach((button, i) => button.classList.toggle("at", i === at));
  const move = (step) => {
    at = (at + step + buttons.length) % Math.max(1, buttons.length);
    mark();
    buttons[at]?.scrollIntoView({ block: "nearest" });
    return true;
  };
  mark();
  return {
    name, left, right,
    node: h("div", { class: "list" }, h("p", { class: "title" }, title),
      ...(buttons.length ? buttons : [h("p", { class: "quiet" }, empty)])),
    key(key) {
      if (key === "up") return move(-1);
      if (key === "down") return move(1);
      if (["left", "ok", "call"].includes(key)) return rows[at] ? rows[at].take() : back();
      if (["right", "end"].includes(key)) return back();
      if (/^[1-9]$/.test(key) && rows[key - 1]) return rows[key - 1].take();
      return false;
    },
  };
}

export function tick() {
  $("clock").textContent = clock(new Date());
}
