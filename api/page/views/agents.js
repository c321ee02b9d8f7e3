// Agents in other processes: who is there, what each works on, how it is, what it has logged; and the pools of workers.

import { asking, get } from "../api.js";
import { into, loading } from "../dialog.js";
import { h, put } from "../dom.js";
import { number, when } from "../format.js";
import { logLines } from "../loglines.js";
import { pools } from "../pools.js";
import { pageHead, section, table } from "../table.js";

const EVERY = 5000;
const LINES = 200;

export function open(main) {
  const body = h("div", {}, loading("the agents"));
  const log = h("div", { id: "agent-log" });
  const workers = pools();
  let shown = null;
  const show = (id) => {
    shown = id;
    put(log, id === null ? null : logOf(id, () => show(null)));
  };
  const load = () => into(body, () => get("/agents"), ({ agents }) => drawn(agents, show));
  const loadAll = () => {
    load();
    workers.load();
  };
  const refresh = h("button.small", { type: "button", on: { click: () => (loadAll(), show(shown)) } }, "Refresh");
  put(main, pageHead("Agents", refresh), body, log, workers.element);
  const timer = setInterval(() => document.visibilityState === "visible" && loadAll(), EVERY);
  loadAll();
  return { close: () => clearInterval(timer) };
}

/** What subtasks have logged at an agent, the latest first, with a way to earlier lines. */
function logOf(id, close) {
  const lines = [];
  const body = h("div", {}, loading("its log"));
  const read = (cursor) =>
    into(
      body,
      () => get(asking("/logs", { agent_id: id, limit: LINES, cursor })),
      (page) => {
        lines.push(...page.logs);
        if (!lines.length) return h("p.empty", {}, "Nothing that it ran has logged anything that is kept.");
        const earlier = h("button.small", { type: "button", on: { click: () => read(page.next_cursor) } }, "Earlier lines");
        return [logLines(lines, at), page.next_cursor && earlier];
      },
    );
  read(null);
  const away = h("button.small", { type: "button", on: { click: close } }, "Close");
  return section(`Log of ${id}`, away, body);
}

const at = (line) => [h("a.mono", { href: `#/tasks/${line.task_id}/${encodeURIComponent(line.key)}` }, line.key), " "];

function drawn(agents, show) {
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
      { name: "Log", value: () => "", shown: (one) => logButton(one, show) },
    ],
    agents,
    {
      caption: "Agents",
      sort: 0,
      empty: "No agents. A subtask that requires capabilities waits for one: agent03 agent --capabilities ...",
    },
  );
}

const logButton = (one, show) =>
  h(
    "button.small",
    { type: "button", "aria-label": `Log of ${one.agent_id}`, on: { click: () => show(one.agent_id) } },
    "Log",
  );

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
