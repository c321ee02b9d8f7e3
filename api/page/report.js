// What happened in a task, as its report says it.

import { at, get } from "./api.js";
import { h } from "./dom.js";
import { count, duration, percent, when } from "./format.js";
import { go, link } from "./router.js";
import { badge, words } from "./states.js";
import { facts, figures, section, table } from "./table.js";

/** The report of a task as an element. */
export async function report(id, signal) {
  const found = await get(at("tasks", id, "report"), { signal });
  const compare = (event) => {
    event.preventDefault();
    go(["diff", event.target.elements.other.value.trim(), id]);
  };
  const key = (row) => h("a", { href: link(["tasks", id, row.key]) }, row.key);
  return h(
    "div.report",
    {},
    h("p.lead", {}, found.words),
    figures([
      ["Took", duration(found.seconds)],
      ["Subtasks", Object.values(found.subtasks).reduce((one, other) => one + other, 0)],
      ["At once, at most", `${found.busy.peak} of ${found.busy.slots}`],
      ["Repeats", found.retries.attempts],
      ["Not run anew", found.saved.cached + found.saved.reused],
    ]),
    found.next.length > 0 &&
      section(
        "What to do next",
        h(
          "ul",
          {},
          found.next.map((one) => h("li", {}, one)),
        ),
      ),
    found.failures.length > 0 &&
      section(
        `Failures (${found.failed})`,
        h(
          "ul.failures",
          {},
          found.failures.map((row) =>
            h(
              "li",
              {},
              h(
                "p",
                {},
                key(row),
                " ",
                badge(row.status),
                row.behind.count > 0 && h("span.muted", {}, ` ${count(row.behind.count, "subtask")} behind it`),
              ),
              h("p.said", {}, row.message),
              row.suggestion && h("p", {}, row.suggestion),
            ),
          ),
        ),
      ),
    section("Time", facts(found.phases.map((phase) => [words(phase.name), duration(phase.seconds)]))),
    section(
      "The way that decided the end",
      table(
        [
          { name: "Subtask", value: (row) => row.key, shown: key },
          { name: "Waited", value: (row) => row.waited, shown: (row) => duration(row.waited), number: true },
          { name: "Took", value: (row) => row.seconds, shown: (row) => duration(row.seconds), number: true },
        ],
        found.path.hops,
        { caption: "The way that decided the end" },
      ),
    ),
    section(
      "Slowest",
      table(
        [
          { name: "Subtask", value: (row) => row.key, shown: key },
          { name: "Type", value: (row) => row.type },
          { name: "Took", value: (row) => row.seconds, shown: (row) => duration(row.seconds), number: true },
          { name: "Expected", value: (row) => row.expected, shown: (row) => duration(row.expected), number: true },
          { name: "Attempts", value: (row) => row.attempts, number: true },
        ],
        found.slowest,
        { caption: "Slowest subtasks" },
      ),
    ),
    section(
      "By type",
      table(
        [
          { name: "Type", value: (row) => row.type },
          { name: "Subtasks", value: (row) => row.count, number: true },
          { name: "In all", value: (row) => row.seconds, shown: (row) => duration(row.seconds), number: true },
          { name: "Longest", value: (row) => row.longest, shown: (row) => duration(row.longest), number: true },
        ],
        found.types,
        { caption: "Subtasks by type" },
      ),
    ),
    found.estimates.count > 0 &&
      section(
        "Expected and actual",
        facts([
          ["Expected", duration(found.estimates.expected)],
          ["Actual", duration(found.estimates.actual)],
          ["Factor", found.estimates.expected ? percent(found.estimates.actual / found.estimates.expected) : null],
        ]),
      ),
    section(
      "Compare",
      h(
        "form.inline-form",
        { on: { submit: compare } },
        h(
          "label.field",
          {},
          h("span", {}, "Id of another run"),
          h("input", { name: "other", required: true, autocomplete: "off", value: found.rerun_of ?? "" }),
        ),
        h("button", {}, "What differs"),
      ),
    ),
    section(
      "What happened",
      h(
        "ol.moments",
        {},
        found.timeline.map((row) =>
          h("li", {}, when(row.at), " ", row.what, row.detail && h("span.muted", {}, ` ${row.detail}`)),
        ),
      ),
    ),
  );
}
