// What the attempts of the last days say: how many, how often they fail, how long they take, where time is lost.

import { asking, get } from "../api.js";
import { bars } from "../chart.js";
import { into, loading } from "../dialog.js";
import { h, put } from "../dom.js";
import { bytes, duration, number, percent, when } from "../format.js";
import { go } from "../router.js";
import { figures, pageHead, section, table } from "../table.js";

const DAYS = [1, 7, 30, 90];

export function open(main, place) {
  const body = h("div", {}, loading("the trends"));
  const days = h(
    "select",
    { "aria-label": "Days", on: { change: () => go(["trends"], { days: days.value }) } },
    DAYS.map((value) => h("option", { value }, value === 1 ? "Today" : `${value} days`)),
  );
  put(main, pageHead("Trends", days), body);
  const moved = ({ query }) => {
    days.value = DAYS.includes(Number(query.get("days"))) ? query.get("days") : "7";
    into(body, () => get(asking("/stats", { days: days.value })), drawn);
    return true;
  };
  moved(place);
  return { moved };
}

function drawn(found) {
  const { totals, resources } = found;
  const byDay = Object.values(grouped(found.trends)).map((rows) => ({
    name: rows[0].day.slice(5),
    completed: sum(rows, "completed"),
    failed: sum(rows, "failed"),
    cached: sum(rows, "cached"),
  }));
  return h(
    "div",
    {},
    figures([
      ["Attempts", number(totals.attempts)],
      ["Succeeded", percent(totals.success_rate)],
      ["From the cache", percent(totals.cache_hit_rate)],
      ["Mean", duration(totals.mean_seconds)],
      ["Mean wait", duration(totals.mean_wait_seconds)],
      ["Estimates off by", totals.estimate_factor ? `× ${totals.estimate_factor.toFixed(2)}` : "–"],
    ]),
    section(
      "By day",
      bars(byDay, [
        { name: "completed", state: "completed" },
        { name: "cached", state: "ready" },
        { name: "failed", state: "failed" },
      ]),
    ),
    found.bottlenecks.length > 0 &&
      section(
        "Where time is lost",
        h(
          "ul",
          {},
          found.bottlenecks.map((row) => h("li", {}, row.detail)),
        ),
      ),
    section(
      "By type",
      table(
        [
          {
            name: "Type",
            value: (row) => row.type,
            shown: (row) => h("a.mono", { href: `#/estimates?type=${encodeURIComponent(row.type)}` }, row.type),
          },
          { name: "Attempts", value: (row) => row.attempts, shown: (row) => number(row.attempts), number: true },
          { name: "Failed", value: (row) => row.failure_rate, shown: (row) => percent(row.failure_rate), number: true },
          { name: "Mean", value: (row) => row.mean_seconds, shown: (row) => duration(row.mean_seconds), number: true },
          {
            name: "Longest",
            value: (row) => row.longest_seconds,
            shown: (row) => duration(row.longest_seconds),
            number: true,
          },
          {
            name: "Mean wait",
            value: (row) => row.mean_wait_seconds,
            shown: (row) => duration(row.mean_wait_seconds),
            number: true,
          },
          { name: "In all", value: (row) => row.seconds, shown: (row) => duration(row.seconds), number: true },
        ],
        found.types,
        { caption: "Attempts by type", sort: 6, descending: true },
      ),
    ),
    section(
      "This engine",
      figures([
        ["Running", `${number(resources.running)} of ${number(resources.slots)}`],
        ["Ready", number(resources.ready)],
        ["Open tasks", number(resources.open_tasks)],
        ["Memory, at most", bytes(resources.memory_bytes)],
        ["Processor time", duration(resources.cpu_seconds)],
      ]),
    ),
    h(
      "p.muted",
      {},
      "Counted at ",
      when(found.at),
      found.first_task && ". Older tasks are not counted: there are too many.",
    ),
  );
}

const sum = (rows, name) => rows.reduce((all, row) => all + row[name], 0);

function grouped(rows) {
  const found = {};
  for (const row of rows) (found[row.day] ??= []).push(row);
  return found;
}
