// How this engine is, and what it leans on.

import { Problem } from "../api.js";
import { into, loading } from "../dialog.js";
import { h, put } from "../dom.js";
import { number } from "../format.js";
import { send } from "../key.js";
import { facts, figures, pageHead, section } from "../table.js";

const SHAPES = { healthy: "completed", degraded: "retrying", unhealthy: "failed" };

export function open(main) {
  const body = h("div", {}, loading("the health"));
  const load = () => into(body, health, drawn);
  put(main, pageHead("Health", h("button.small", { type: "button", on: { click: load } }, "Refresh")), body);
  const seen = () => document.visibilityState === "visible" && load();
  document.addEventListener("visibilitychange", seen);
  load();
  return { close: () => document.removeEventListener("visibilitychange", seen) };
}

/** The answer, which is 503 when the engine cannot work and says why all the same. */
async function health() {
  const response = await send("/health", { headers: { Accept: "application/json" } }).catch(() => null);
  if (!response) throw new Error("The engine does not answer. Is it running?");
  const found = await response.json();
  if (!found.engine) throw new Problem(response.status, found);
  return found;
}

function drawn(found) {
  const { engine } = found;
  const plain = Object.entries(engine).filter(
    ([name, value]) =>
      typeof value !== "object" && !["running", "slots", "ready", "open_tasks", "unsettled"].includes(name),
  );
  const types = Object.entries(engine.running_by_type ?? {});
  return h(
    "div",
    {},
    h("p.lead", {}, h("span.badge", { data: { state: SHAPES[found.status] ?? "failed" } }, found.status)),
    (found.reasons ?? []).map((reason) => h("p.note.bad", {}, reason)),
    figures([
      ["Running", `${number(engine.running)} of ${number(engine.slots)}`],
      ["Ready", number(engine.ready)],
      ["Open tasks", number(engine.open_tasks)],
      ["Unsettled subtasks", number(engine.unsettled)],
    ]),
    h("div.columns.even", {}, section("Graph", facts(pairs(found.graph))), section("Redis", facts(pairs(found.redis)))),
    types.length > 0 && section("Running by type", facts(types.map(([type, count]) => [type, number(count)]))),
    section("Engine", facts(plain.map(([name, value]) => [name.replaceAll("_", " "), shown(value)]))),
  );
}

const shown = (value) =>
  typeof value === "number" ? number(value) : typeof value === "boolean" ? (value ? "yes" : "no") : String(value);

const pairs = (found) =>
  Object.entries(found).map(([name, value]) => [
    name.replaceAll("_", " "),
    typeof value === "object" && value !== null ? JSON.stringify(value) : shown(value),
  ]);
