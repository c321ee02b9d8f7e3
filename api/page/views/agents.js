// Agents in other processes: who is there, what each works on, and how it is.

import { get } from "../api.js";
import { into, loading } from "../dialog.js";
import { h, put } from "../dom.js";
import { number, when } from "../format.js";
import { pageHead, table } from "../table.js";

const EVERY = 5000;

export function open(main) {
  const body = h("div", {}, loading("the agents"));
  const load = () => into(body, () => get("/agents"), drawn);
  put(main, pageHead("Agents", h("button.small", { type: "button", on: { click: load } }, "Refresh")), body);
  const timer = setInterval(() => document.visibilityState === "visible" && load(), EVERY);
  load();
  return { close: () => clearInterval(timer) };
}

function drawn({ agents }) {
  return table(
    [
      { name: "Agent", value: (one) => one.agent_id, shown: (one) => h("span.mono", { title: one.url }, one.agent_id) },
      { name: "State", value: (one) => (one.is_available ? "free" : "busy"), shown: state },
      { name: "Works on", value: (one) => one.current_task, shown: work },
      { name: "Capabilities", value: (one) => one.capabilities.join(", "), shown: tags },
      { name: "CPU", value: (one) => one.cpu_usage, shown: (one) => unit(one.cpu_usage, "%"), number: true },
      { name: "Memory", value: (one) => one.memory_usage, shown: (one) => unit(one.memory_usage, "MiB"), number: true },
      { name: "Done", value: (one) => one.tasks_completed, shown: (one) => number(one.tasks_completed), number: true },
      { name: "Heartbeat", value: (one) => one.last_heartbeat, shown: (one) => when(one.last_heartbeat) },
    ],
    agents,
    {
      caption: "Agents",
      sort: 0,
      empty: "No agents. A subtask that requires capabilities waits for one: agent03 agent --capabilities ...",
    },
  );
}

const state = (one) =>
  h("span.badge", { data: { state: one.is_available ? "completed" : "processing" } }, one.is_available ? "free" : "busy");

const unit = (value, name) => (value === null ? "" : `${number(Math.round(value))} ${name}`);

const tags = (one) => one.capabilities.map((name) => h("span.tag", {}, name));

/** The first subtask of this engine that it has, as a link to its task, and how many more. */
function work(one) {
  if (!one.current_task) return "";
  const task = one.current_task.split(".")[0];
  const more = one.running.length > 1 ? ` and ${number(one.running.length - 1)} more` : "";
  return one.running.length ? h("span", {}, h("a.mono", { href: `#/tasks/${task}` }, one.current_task), more) : one.current_task;
}
