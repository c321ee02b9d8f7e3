// How one run of a task differs from another.

import { at, get } from "../api.js";
import { into, loading } from "../dialog.js";
import { h, put } from "../dom.js";
import { count, duration } from "../format.js";
import { link } from "../router.js";
import { badge } from "../states.js";
import { facts, pageHead, section, table } from "../table.js";

export function open(main, { path: [, one, other] }) {
  const body = h("div", {}, loading("the difference"));
  put(main, pageHead("What differs"), body);
  into(body, () => get(at("tasks", one, "diff", other)), drawn);
  return {};
}

function drawn(found) {
  const { shape } = found;
  const key = (name) => h("a", { href: link(["tasks", found.b.task_id, name]) }, name);
  const list = (title, values, shown) =>
    values.length > 0 &&
    h(
      "div",
      {},
      h("h3", {}, title),
      h(
        "ul",
        {},
        values.map((value) => h("li", {}, shown(value))),
      ),
    );
  const arrow = ([from, to]) => `${from} → ${to}`;
  return h(
    "div.report",
    {},
    h("p.lead", {}, found.words),
    h("div.columns.even", {}, run("Before", found.a), run("After", found.b)),
    section(
      "Plan",
      shape.same
        ? h("p", {}, "The same.")
        : [
            list("Added", shape.added, (name) => key(name)),
            list("Removed", shape.removed, (name) => name),
            list("Renamed", shape.renamed, arrow),
            list("Of another type", shape.retyped, ([name, from, to]) => `${name}: ${from} → ${to}`),
            list("Dependencies added", shape.edges_added, arrow),
            list("Dependencies removed", shape.edges_removed, arrow),
          ],
    ),
    found.task.length > 0 && section("Task", changes(found.task)),
    section(
      `Inputs and settings (${found.inputs_changed})`,
      found.inputs.length
        ? found.inputs.map((row) => h("div", {}, h("h3", {}, key(row.key)), changes(row.changes)))
        : h("p", {}, "The same."),
    ),
    section(
      `States (${found.statuses_changed})`,
      table(
        [
          { name: "Subtask", value: ([name]) => name, shown: ([name]) => key(name) },
          { name: "Before", value: ([, from]) => from, shown: ([, from]) => badge(from) },
          { name: "After", value: ([, , to]) => to, shown: ([, , to]) => badge(to) },
        ],
        found.statuses,
        { caption: "States that differ", empty: "The same." },
      ),
    ),
    section(
      "Results",
      h("p", {}, `${count(found.results.equal, "result")} equal, ${found.results.different} different`),
      found.results.keys.length > 0 &&
        h(
          "p",
          {},
          found.results.keys.flatMap((name, place) => [place ? ", " : "", key(name)]),
        ),
    ),
    section(
      "Durations",
      table(
        [
          { name: "Subtask", value: (row) => row.key, shown: (row) => key(row.key) },
          { name: "Before", value: (row) => row.before, shown: (row) => duration(row.before), number: true },
          { name: "After", value: (row) => row.after, shown: (row) => duration(row.after), number: true },
        ],
        found.durations.most,
        { caption: "Durations that differ most" },
      ),
    ),
  );
}

const run = (title, one) =>
  section(
    title,
    facts([
      ["Task", h("a", { href: link(["tasks", one.task_id]) }, one.name || one.task_id)],
      ["State", badge(one.status)],
      ["Took", duration(one.seconds)],
    ]),
  );

const changes = (rows) =>
  h(
    "ul.changes",
    {},
    rows.map(({ path, before, after }) =>
      h("li", {}, h("code", {}, path), " ", h("del", {}, before ?? "nothing"), " → ", h("ins", {}, after ?? "nothing")),
    ),
  );
