// A small bar chart: parts of a whole on top of each other, one column each, with the same as a table for those who listen.

import { h, s } from "./dom.js";
import { number } from "./format.js";

const HEIGHT = 120;
const STEP = 34;
const BAR = 22;

/** @param {object[]} columns each with a name and numbers; @param {{name, state}[]} parts from the bottom up */
export function bars(columns, parts) {
  if (!columns.length) return h("p.empty", {}, "Nothing has run in these days.");
  const most = Math.max(1, ...columns.map((column) => parts.reduce((sum, { name }) => sum + column[name], 0)));
  const drawn = columns.map((column, place) => {
    let top = HEIGHT;
    const x = place * STEP + (STEP - BAR) / 2;
    const boxes = parts
      .filter(({ name }) => column[name])
      .map(({ name, state }) => {
        const height = Math.max(1, (HEIGHT * column[name]) / most);
        top -= height;
        return s(
          "rect",
          { x, y: top, width: BAR, height, data: { state } },
          s("title", {}, `${column.name}: ${number(column[name])} ${name}`),
        );
      });
    return s("g", {}, boxes, s("text", { x: place * STEP + STEP / 2, y: HEIGHT + 14 }, column.name));
  });
  const width = Math.max(columns.length * STEP, 120);
  return h(
    "figure.chart",
    { tabindex: "0" },
    s("svg", { viewBox: `0 0 ${width} ${HEIGHT + 20}`, width, height: HEIGHT + 20, "aria-hidden": "true" }, drawn),
    h(
      "figcaption",
      {},
      parts.map(({ name, state }) => h("span", { data: { state } }, name)),
    ),
    h(
      "div.sr",
      {},
      h(
        "table",
        {},
        h(
          "tbody",
          {},
          columns.map((column) =>
            h(
              "tr",
              {},
              h("th", { scope: "row" }, column.name),
              parts.map(({ name }) => h("td", {}, `${column[name]} ${name}`)),
            ),
          ),
        ),
      ),
    ),
  );
}
