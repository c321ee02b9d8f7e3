// The head of a task: what it is, how far it is, when it is expected to end, and what may be done to it.

import { copy } from "./dialog.js";
import { h, put, say } from "./dom.js";
import { between, clock, count, duration, number, titleOf, when } from "./format.js";
import { link } from "./router.js";
import { FINAL, IN_ORDER, SETTLED, TASK_VERBS, badge, stateBar, words } from "./states.js";
import { taskButtons } from "./verbs.js";

export class Head {
  /** @param {TaskModel} model; @param {{done}} told done() after something was done to the task */
  constructor(model, told) {
    this.model = model;
    this.told = told;
    this.name = h("h1");
    this.state = h("span");
    this.dot = h("span.live", { hidden: true });
    this.actions = h("div.actions", { role: "group", "aria-label": "Actions" });
    this.meta = h("div.meta");
    this.trouble = h("div");
    this.bar = h("div.progress-bar");
    this.far = h("span");
    this.ends = h("span.muted");
    this.element = h(
      "header.task-head",
      {},
      h(
        "div.task-title",
        {},
        h("a.back", { href: "#/tasks", "aria-label": "All tasks" }, "Tasks /"),
        this.name,
        this.state,
        this.dot,
        this.actions,
      ),
      this.meta,
      this.trouble,
      h("div.progress", {}, this.bar, h("div.progress-text", {}, this.far, this.ends)),
    );
  }

  get title() {
    return titleOf(this.model.task);
  }

  show() {
    const { task } = this.model;
    say(this.name, this.title);
    this.name.title = task.description || this.title;
    put(this.state, badge(task.gate === "paused" ? "paused" : task.status));
    put(this.actions, taskButtons(task, TASK_VERBS[task.status] ?? [], this.told.done));
    put(this.meta, facts(task));
    put(this.trouble, trouble(task));
    this.eta = task.progress;
    this.counts(task.subtasks, task.progress.total);
  }

  /** What a stream says of the progress. */
  progress(progress) {
    this.eta = progress;
    if (progress.counts) this.counts(progress.counts, progress.total);
    else this.tick();
  }

  counts(counts, total = this.total) {
    const sum = Object.values(counts).reduce((one, other) => one + other, 0);
    this.total = Math.max(total ?? 0, sum);
    this.now = counts;
    const drawn = JSON.stringify([counts, this.total]);
    if (drawn !== this.drawn) put(this.bar, stateBar(counts, this.total));
    this.drawn = drawn;
    this.tick();
  }

  /** In words, for the line under the bar and for those who listen. */
  get words() {
    const settled = Object.entries(this.now).reduce((all, [state, some]) => all + (SETTLED.has(state) ? some : 0), 0);
    const share = this.total ? Math.floor((100 * settled) / this.total) : 0;
    const rest = IN_ORDER.filter((state) => this.now[state] && state !== "pending" && state !== "completed");
    return [
      `${this.title}: ${words(this.model.task.status)}`,
      `${share} %, ${number(settled)} of ${count(this.total, "subtask")} settled`,
      ...rest.map((state) => `${number(this.now[state])} ${words(state)}`),
    ].join(", ");
  }

  tick() {
    const { task } = this.model;
    if (!task) return;
    const settled = Object.entries(this.now).reduce((all, [state, some]) => all + (SETTLED.has(state) ? some : 0), 0);
    const share = this.total ? (settled >= this.total ? 100 : Math.min(99.9, (100 * settled) / this.total)) : 0;
    say(
      this.far,
      `${share.toFixed(share < 100 && this.total >= 200 ? 1 : 0)} % · ${number(settled)} of ${count(this.total, "subtask")}`,
    );
    const took = between(task.started_at, task.completed_at);
    const parts = [took !== null && `${duration(took)}${task.completed_at ? "" : " so far"}`];
    if (!FINAL.has(task.status) && this.eta?.eta) {
      const { eta, eta_low: low, eta_high: high, late } = this.eta;
      parts.push(
        `ends about ${clock(eta).slice(0, 8)} (${clock(low).slice(0, 8)} to ${clock(high).slice(0, 8)})${late ? ", later than foretold" : ""}`,
      );
    }
    say(this.ends, parts.filter(Boolean).join(" · "));
  }

  live(state) {
    this.dot.hidden = state !== "live" && state !== "lost";
    this.dot.dataset.connection = state;
    say(this.dot, state === "lost" ? "not connected" : "live");
  }
}

function facts(task) {
  const copyId = () => copy(task.id, "Id");
  return [
    h("button.plain.mono", { type: "button", title: "Copy the id", on: { click: copyId } }, task.id),
    h("span", {}, task.type),
    h("span", {}, "created ", when(task.created_at)),
    task.user_id && h("span", {}, "by ", task.user_id),
    task.priority !== 5 && h("span", {}, `priority ${task.priority}`),
    task.tags.map((tag) => h("span.tag", {}, tag)),
    task.deadline_at && h("span", {}, "deadline ", when(task.deadline_at)),
    task.planned &&
      h("span", { title: task.planned.reasons.join("; ") }, `planned by ${task.planned.name ?? task.planned.by}`),
    /^https?:/.test(task.browser_url ?? "") &&
      h("a", { href: task.browser_url, target: "_blank", rel: "noopener noreferrer" }, "in Neo4j Browser"),
    task.rerun_of &&
      h(
        "span",
        {},
        "rerun of ",
        h("a", { href: link(["tasks", task.rerun_of]) }, task.rerun_of),
        " · ",
        h("a", { href: link(["diff", task.rerun_of, task.id]) }, "what differs"),
      ),
  ];
}

function trouble(task) {
  const keys = (troubles) =>
    troubles.slice(0, 5).map(({ key }) => h("a", { href: link(["tasks", task.id, key]) }, key));
  const apart = (links) => links.flatMap((one, place) => (place ? [", ", one] : [one]));
  return [
    task.gate &&
      !FINAL.has(task.status) &&
      h(
        "p.note",
        {},
        `${words(task.gate)}${task.gate_detail ? `: ${task.gate_detail}` : ""}`,
        task.pause &&
          (task.pause.until
            ? [", until ", when(task.pause.until), `, then ${task.pause.on_timeout}`]
            : ", until somebody resumes it"),
      ),
    task.error &&
      h(
        "div.note.bad",
        { role: "alert" },
        h("p", {}, h("b", {}, task.error.category ?? "failed"), ` ${task.error.message}`),
        task.error.suggestion && h("p", {}, task.error.suggestion),
        task.error.subtasks.length > 0 && h("p", {}, "See ", apart(keys(task.error.subtasks))),
      ),
    task.warnings.length > 0 && h("p.note", {}, "Completed, but without ", apart(keys(task.warnings))),
    task.note && h("p.note", {}, task.note),
  ];
}
