// A JSON value to look at: folded where it is large, always text.

import { h } from "./dom.js";
import { count } from "./format.js";
import { copy } from "./dialog.js";

const OPEN_LEVELS = 2;
const SHOWN = 100;
const LONG_TEXT = 2000;

/** A value with a button that copies it. */
export function jsonView(value, what = "Value") {
  const written = () =>
    JSON.stringify(
      value,
      (_, one) => (typeof one === "bigint" ? (JSON.rawJSON?.(String(one)) ?? String(one)) : one),
      2,
    );
  const button = h(
    "button.small.copy",
    { type: "button", "aria-label": `Copy ${what}`, on: { click: () => copy(written(), what) } },
    "Copy",
  );
  return h("div.json", { tabindex: "0", role: "group", "aria-label": what }, button, shown(value, 0));
}

function shown(value, level) {
  if (value === null) return h("span.null", {}, "null");
  if (typeof value === "string") return text(value);
  if (typeof value !== "object") return h("span.scalar", {}, String(value));
  const list = Array.isArray(value);
  const entries = list ? value.map((one, place) => [place, one]) : Object.entries(value);
  if (!entries.length) return h("span.null", {}, list ? "[ ]" : "{ }");
  const summary = h("summary", {}, list ? count(entries.length, "item") : count(entries.length, "field"));
  const body = h("div.inside");
  const details = h("details", {}, summary, body);
  const fill = () => body.childElementCount || more(body, entries, 0, level);
  details.addEventListener("toggle", fill);
  if (level < OPEN_LEVELS && entries.length <= SHOWN) {
    fill();
    details.open = true;
  }
  return details;
}

function more(body, entries, from, level) {
  for (const [name, value] of entries.slice(from, from + SHOWN)) {
    body.append(h("div.entry", {}, h("span.name", {}, String(name)), shown(value, level + 1)));
  }
  const left = entries.length - from - SHOWN;
  if (left <= 0) return;
  const button = h("button.small", { type: "button" }, `${Math.min(left, SHOWN)} of ${left} more`);
  button.addEventListener("click", () => {
    button.remove();
    more(body, entries, from + SHOWN, level);
  });
  body.append(button);
}

function text(value) {
  if (value.length <= LONG_TEXT) return h("span.string", {}, value === "" ? "“”" : value);
  const element = h("span.string", {}, value.slice(0, LONG_TEXT));
  const button = h("button.small", { type: "button" }, `All ${count(value.length, "character")}`);
  button.addEventListener("click", () => {
    element.textContent = value;
    button.remove();
  });
  return h("span", {}, element, " ", button);
}
