// The pools of workers: how large each is, what its workers do, and how it is made larger or smaller.

import { get, post } from "./api.js";
import { ask, into, loading, toast } from "./dialog.js";
import { announce, h, say } from "./dom.js";
import { count, number } from "./format.js";
import { section, table } from "./table.js";

/** A part of a page, and what reads it anew. */
export function pools() {
  const body = h("div", {}, loading("the workers"));
  const load = () => into(body, () => get("/agents/pool"), drawn);

  function drawn({ pools: found }) {
    return table(
      [
        { name: "Pool", value: (one) => one.pool, shown: (one) => h("span.mono", {}, one.pool) },
        { name: "State", value: (one) => one.status, shown: state },
        { name: "Workers", value: (one) => one.wanted, shown: size, number: true },
        { name: "Busy", value: (one) => one.busy, shown: (one) => number(one.busy), number: true },
        { name: "Works on", value: () => "", shown: work },
        { name: "Roles", value: (one) => one.roles.join(", "), shown: tags },
        { name: "Done", value: (one) => one.done, shown: (one) => number(one.done), number: true },
        { name: "Failed", value: (one) => one.failed, shown: (one) => number(one.failed), number: true },
        { name: "Restarts", value: (one) => one.restarts, shown: (one) => number(one.restarts), number: true },
        { name: "Size", value: () => "", shown: buttons },
      ],
      found,
      { caption: "Workers", sort: 0, empty: "No workers. They run agents from Redis: agent03 worker --count 2" },
    );
  }

  const buttons = (one) =>
    h(
      "div.actions",
      { role: "group", "aria-label": `Size of ${one.pool}` },
      h("button.small", { type: "button", data: { verb: "scale" }, on: { click: () => scale(one) } }, "Scale …"),
    );

  async function scale(one) {
    const said = h("span.muted", { "aria-live": "polite" });
    const field = h("input", { type: "number", name: "workers", min: "0", max: "1000", required: true, value: String(one.wanted) });
    field.addEventListener("input", () => say(said, meaning(one, Number(field.value))));
    const given = await ask({
      title: `How many workers for ${one.pool}?`,
      text: "Those that go end their turn first, and hand back what they run. A process that is started anew begins with its WORKER_COUNT.",
      action: "Scale",
      fields: [{ label: "Workers", element: field }, { label: "", element: said }],
    });
    if (given === null) return;
    try {
      const told = await post("/agents/pool", { pool: one.pool, workers: Number(given.workers) });
      toast(`${told.pool}: ${count(told.workers, "worker")} from now on, ${told.before} before`);
      announce(`${told.pool} is to have ${count(told.workers, "worker")}`);
    } catch (error) {
      toast(error.message, { problem: true });
    }
    load();
  }

  return { element: section("Workers", body), load };
}

function meaning(one, workers) {
  const more = workers - one.wanted;
  if (!Number.isInteger(workers) || more === 0) return "";
  return more > 0 ? `${count(more, "worker")} more` : `${count(-more, "worker")} less, ${one.busy} busy now`;
}

const state = (one) =>
  h("span.badge", { data: { state: one.status === "healthy" ? "completed" : "failed" } }, one.status);

/** How many there are, and how many there should be where that is another number. */
function size(one) {
  const there = one.workers.filter(({ state }) => state !== "stopping").length;
  const leaving = one.workers.length - there;
  const parts = [number(there)];
  if (there !== one.wanted) parts.push(` of ${number(one.wanted)}`);
  if (leaving) parts.push(`, ${number(leaving)} leaving`);
  return parts.join("");
}

const tags = (one) => one.roles.map((name) => h("span.tag", {}, name === "*" ? "all" : name));

const work = (one) =>
  one.workers
    .filter(({ current }) => current)
    .map(({ current }) =>
      h("div", {}, h("a.mono", { href: `#/tasks/${current.task_id}/${encodeURIComponent(current.subtask)}` }, current.subtask), ` as ${current.role}`),
    );
