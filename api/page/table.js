// A plain table that can be sorted by its heads.

import { h, put } from "./dom.js";

/**
 * @param {{name, value, shown, number}[]} columns value(row) sorts, shown(row) is what stands in the cell
 * @param {object[]} rows
 * @param {{caption, sort, descending}} about
 */
export function table(columns, rows, { caption, sort = null, descending = false, empty = "Nothing yet." }) {
  if (!rows.length) return h("p.empty", {}, empty);
  const body = h("tbody");
  const heads = columns.map((column, place) => {
    const button = h("button.plain", { type: "button", on: { click: () => by(place) } }, column.name);
    return h(column.number ? "th.number" : "th", { scope: "col" }, button);
  });
  let [sorted, down] = [sort, descending];

  function by(place) {
    [sorted, down] = [place, sorted === place ? !down : Boolean(columns[place].number)];
    fill();
  }

  function fill() {
    const { value } = columns[sorted] ?? {};
    const ordered = value ? [...rows].sort((one, other) => compare(value(one), value(other)) * (down ? -1 : 1)) : rows;
    heads.forEach((head, place) => {
      if (place === sorted) head.setAttribute("aria-sort", down ? "descending" : "ascending");
      else head.removeAttribute("aria-sort");
    });
    put(
      body,
      ordered.map((row) =>
        h(
          "tr",
          {},
          columns.map(({ shown, value: plain, number }, place) =>
            h(place ? (number ? "td.number" : "td") : "th", place ? {} : { scope: "row" }, (shown ?? plain)(row)),
          ),
        ),
      ),
    );
  }

  fill();
  return h(
    "div.table",
    { tabindex: "0", role: "region", "aria-label": caption },
    h("table", {}, h("caption.sr", {}, caption), h("thead", {}, h("tr", {}, heads)), body),
  );
}

function compare(one, other) {
  if (one === null || one === undefined) return other === null || other === undefined ? 0 : -1;
  if (other === null || other === undefined) return 1;
  return typeof one === "number" ? one - other : String(one).localeCompare(String(other));
}

/** A list of names and values. */
export const facts = (pairs) =>
  h(
    "dl.facts",
    {},
    pairs
      .filter(([, value]) => value !== null && value !== undefined && value !== "")
      .map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );

/** Large figures in a row. */
export const figures = (pairs) =>
  h(
    "dl.figures",
    {},
    pairs.map(([name, value]) => h("div", {}, h("dt", {}, name), h("dd", {}, value))),
  );

/** A part of a page with its head. */
export const section = (title, ...children) => h("section.card", {}, h("h2", {}, title), children);

/** The head of a page. */
export const pageHead = (title, ...more) => h("div.page-head", {}, h("h1", {}, title), more);
