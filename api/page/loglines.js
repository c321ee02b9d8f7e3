// Lines that were logged, the same wherever they stand.

import { h } from "./dom.js";
import { when } from "./format.js";

export const plain = (value) => JSON.stringify(value, (_, one) => (typeof one === "bigint" ? String(one) : one));

/** @param {object[]} lines; @param {(line) => Node | null} where what stands before a line */
export const logLines = (lines, where = () => null) =>
  h(
    "ol.log-lines",
    {},
    lines.map((line) =>
      h(
        "li",
        { data: { level: line.level } },
        when(line.at),
        h("b", {}, ` ${line.level} `),
        where(line),
        line.message,
        Object.keys(line.fields).length > 0 && h("span.muted.mono", {}, ` ${plain(line.fields)}`),
      ),
    ),
  );
