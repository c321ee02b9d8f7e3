// What a plan would become, and what is wrong with it.

import { h, put } from "./dom.js";
import { count, duration, number } from "./format.js";
import { Graph } from "./graph.js";
import { jsonView } from "./json.js";
import { lineOf, placeOf } from "./pointers.js";
import { facts } from "./table.js";

/** Shows a preview inside an element; close() ends its drawing. */
export function previewOf(seen, element) {
  const box = h("div.graph", { role: "group", "aria-label": `Graph of ${count(seen.subtasks_count, "subtask")}` });
  const { estimate } = seen;
  put(
    element,
    seen.graph && h("div.graph-frame", {}, box),
    facts([
      ["Subtasks", number(seen.subtasks_count)],
      ["Dependencies", number(seen.edges_count)],
      ["Generations", number(seen.generations.length)],
      ["At once, at most", number(seen.width)],
      [
        "Expected",
        estimate
          ? `${duration(estimate.seconds)} (${duration(estimate.low)} to ${duration(estimate.high)})`
          : "not known yet",
      ],
      ["Longest path", estimate && duration(estimate.critical_path_seconds)],
      ["One after the other", estimate && duration(estimate.work_seconds)],
      [
        "Planned by",
        seen.planned && [
          seen.planned.name ?? seen.planned.by,
          seen.planned.reasons.length > 0 && `: ${seen.planned.reasons.join("; ")}`,
        ],
      ],
    ]),
    seen.plan && h("section.part", {}, h("h3", {}, "Plan"), jsonView(seen.plan, "Plan")),
  );
  if (!seen.graph) return { close() {} };
  const graph = new Graph(box, { chosen: (item) => graph.select(item) });
  graph.show({
    items: seen.graph.nodes.map((node) => ({
      name: node.key,
      type: node.mapped ? `${node.type}, one for each item of a list` : node.type,
      x: node.x,
      y: node.y,
      count: 1,
      counts: { pending: 1 },
      state: "pending",
      critical: node.critical_path,
      keys: [node.key],
    })),
    edges: seen.graph.edges,
    path: seen.graph.critical_path,
    layout: seen.graph.layout,
  });
  return graph;
}

/** The faults of a body, each with a way to its place. */
export function faultsOf(error, form, fields) {
  const faults = (error.faults ?? []).filter((fault) => fault.detail);
  if (!faults.length) return h("p.note.bad", {}, error.message);
  return h(
    "div.note.bad",
    {},
    h("p", {}, h("b", {}, `${count(faults.length, "fault")}; nothing was stored`)),
    h(
      "ul.faults",
      {},
      faults.map(({ pointer = "", detail }) => h("li", {}, wayTo(pointer, form, fields), ` ${detail}`)),
    ),
  );
}

/** A button that leads to the field, and in a JSON plan to the line, that a pointer means. */
function wayTo(pointer, form, fields) {
  const field =
    form === "plan"
      ? fields.plan
      : (fields[pointer.split("/")[1]] ?? fields[form === "typed" ? "type" : "description"]);
  field.setAttribute("aria-invalid", "true");
  const json = form === "plan" && /^\s*[{[]/.test(field.value);
  const offset = json ? placeOf(field.value, pointer) : null;
  const go = () => {
    field.closest("details")?.setAttribute("open", "");
    field.focus();
    if (offset === null) return;
    const end = field.value.indexOf("\n", offset);
    field.setSelectionRange(offset, end < 0 ? field.value.length : end);
    field.scrollTop = (lineOf(field.value, offset) - 4) * parseFloat(getComputedStyle(field).lineHeight);
  };
  const line = json ? ` line ${lineOf(field.value, offset)}` : "";
  return h("button.plain.mono", { type: "button", on: { click: go } }, `${pointer || "/"}${line}`);
}
