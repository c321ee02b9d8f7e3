// All tasks, newest first, with filters that are part of the address.

import { asking, get } from "../api.js";
import { failed } from "../dialog.js";
import { announce, h, put } from "../dom.js";
import { between, count, duration, titleOf, when } from "../format.js";
import { go, link } from "../router.js";
import { FINAL, TASK_STATES, badge, stateBar, words } from "../states.js";
import { pageHead } from "../table.js";

const LIMIT = 50;
const FILTERS = ["search", "status", "type", "tag", "user_id"];
const TYPING_MS = 300;

export function open(main, place) {
  const view = new Tasks(main);
  view.moved(place);
  return view;
}

class Tasks {
  constructor(main) {
    const typed = () => {
      clearTimeout(this.timer);
      this.timer = setTimeout(() => this.refine(), TYPING_MS);
    };
    const input = (name, label, type = "text") =>
      h("input", { name, type, placeholder: label, "aria-label": label, autocomplete: "off", on: { input: typed } });
    this.form = h(
      "form.filters",
      { role: "search", on: { submit: (event) => (event.preventDefault(), this.refine()) } },
      input("search", "Search name, description, id", "search"),
      h(
        "select",
        { name: "status", "aria-label": "State", on: { change: () => this.refine() } },
        h("option", { value: "" }, "Any state"),
        TASK_STATES.map((state) => h("option", { value: state }, words(state))),
      ),
      input("type", "Type"),
      input("tag", "Tag"),
      input("user_id", "User"),
      h("button.small", { type: "button", on: { click: () => this.load() } }, "Refresh"),
    );
    this.list = h("ol.task-list", { "aria-label": "Tasks" });
    this.end = h("div.list-end");
    put(main, pageHead("Tasks"), this.form, this.list, this.end);
    this.seen = () => document.visibilityState === "visible" && this.load();
    document.addEventListener("visibilitychange", this.seen);
  }

  /** The address has changed; all of them are ours as long as they name no task. */
  moved({ path, query }) {
    if (path.length > 1) return false;
    this.query = Object.fromEntries(FILTERS.map((name) => [name, query.get(name) ?? ""]));
    for (const name of FILTERS) {
      const field = this.form.elements[name];
      if (field !== document.activeElement) field.value = this.query[name];
    }
    this.load();
    return true;
  }

  refine() {
    clearTimeout(this.timer);
    const query = Object.fromEntries(FILTERS.map((name) => [name, this.form.elements[name].value.trim()]));
    if (FILTERS.some((name) => query[name] !== this.query[name])) go(["tasks"], query, { replace: true });
  }

  async load() {
    this.asked?.abort();
    this.asked = new AbortController();
    const { signal } = this.asked;
    this.list.setAttribute("aria-busy", "true");
    try {
      const page = await get(asking("/tasks", { ...this.query, limit: LIMIT }), { signal });
      put(this.list, page.tasks.map(row));
      this.finish(page);
      announce(count(page.tasks.length, "task"));
    } catch (error) {
      if (error.name === "AbortError") return;
      put(this.list);
      put(
        this.end,
        failed(error, () => this.load()),
      );
    }
    this.list.removeAttribute("aria-busy");
  }

  finish({ next_cursor: cursor }) {
    const filtered = FILTERS.some((name) => this.query[name]);
    put(
      this.end,
      !this.list.childElementCount &&
        h(
          "div.empty",
          {},
          h("p", {}, filtered ? "No task matches these filters." : "There are no tasks yet."),
          !filtered && h("a.button.primary", { href: "#/new" }, "Make the first one"),
        ),
      cursor &&
        h(
          "button",
          { type: "button", on: { click: () => this.more(cursor) } },
          filtered ? "Look further" : "Show more",
        ),
    );
  }

  async more(cursor) {
    const page = await get(asking("/tasks", { ...this.query, limit: LIMIT, cursor }));
    this.list.append(...page.tasks.map(row));
    this.finish(page);
  }

  escape() {
    this.form.reset();
    FILTERS.forEach((name) => (this.form.elements[name].value = ""));
    this.refine();
  }

  close() {
    clearTimeout(this.timer);
    this.asked?.abort();
    document.removeEventListener("visibilitychange", this.seen);
  }
}

function row(task) {
  const { progress } = task;
  const took = task.started_at ? duration(between(task.started_at, task.completed_at)) : "not started";
  const gate = task.gate && task.gate !== task.status ? task.gate : null;
  return h(
    "li",
    {},
    h(
      "a.task-row",
      { href: link(["tasks", task.id]), data: { id: task.id } },
      h("span.task-state", {}, badge(gate === "paused" ? "paused" : task.status)),
      h(
        "span.task-name",
        {},
        h("span.title", {}, titleOf(task)),
        h(
          "span.under",
          {},
          [task.type, ...task.tags.map((tag) => `#${tag}`), task.user_id].filter(Boolean).join(" · "),
        ),
      ),
      h(
        "span.task-bar",
        {},
        stateBar(task.subtasks, progress.total),
        h("span.under", {}, `${progress.completed} of ${count(progress.total, "subtask")}`),
      ),
      h(
        "span.task-time",
        {},
        when(task.created_at),
        h("span.under", {}, FINAL.has(task.status) ? took : `${took} so far`),
      ),
    ),
    task.error && h("p.task-error", {}, task.error.message),
  );
}
