// What was learned about how long each kind of subtask takes.

import { asking, get } from "../api.js";
import { into, loading } from "../dialog.js";
import { h, put } from "../dom.js";
import { bytes, duration, number, percent, when } from "../format.js";
import { go } from "../router.js";
import { pageHead, table } from "../table.js";

const COLUMNS = [
  {
    name: "Type",
    value: (row) => row.type,
    shown: (row) => h("span.mono", {}, row.type, h("span.muted", {}, ` ${row.version}`)),
  },
  {
    name: "Input",
    value: (row) => row.input_bytes?.[0] ?? -1,
    shown: (row) => (row.input_bytes ? `${bytes(row.input_bytes[0])} to ${bytes(row.input_bytes[1])}` : "all"),
  },
  {
    name: "Median",
    value: (row) => row.median,
    shown: (row) => [duration(row.median), row.regressed && h("span.tag.bad", {}, "slower")],
    number: true,
  },
  { name: "P10", value: (row) => row.p10, shown: (row) => duration(row.p10), number: true },
  { name: "P90", value: (row) => row.p90, shown: (row) => duration(row.p90), number: true },
  { name: "Attempts", value: (row) => row.attempts, shown: (row) => number(row.attempts), number: true },
  { name: "Failed", value: (row) => row.failure_rate, shown: (row) => percent(row.failure_rate), number: true },
  { name: "Memory", value: (row) => row.memory_bytes, shown: (row) => bytes(row.memory_bytes), number: true },
  {
    name: "Cost",
    value: (row) => row.cost,
    shown: (row) => (row.cost ? `$ ${row.cost.toFixed(4)}` : "–"),
    number: true,
  },
  { name: "Learned", value: (row) => row.updated_at, shown: (row) => when(row.updated_at) },
];

export function open(main, place) {
  const body = h("div", {}, loading("the estimates"));
  const search = h("input", {
    type: "search",
    placeholder: "Type",
    "aria-label": "Type",
    on: { change: () => go(["estimates"], { type: search.value.trim() }) },
  });
  put(main, pageHead("Estimates", search), body);
  const moved = ({ query }) => {
    search.value = query.get("type") ?? "";
    into(
      body,
      () => get(asking("/estimates", { type: search.value })),
      ({ estimates }) =>
        table(COLUMNS, estimates, { caption: "Estimates by type", empty: "Nothing has run yet, so nothing is known." }),
    );
    return true;
  };
  moved(place);
  return { moved };
}
