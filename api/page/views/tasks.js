// All tasks, newest first and live, with filters that are part of the address.

import { asking, get } from "../api.js";
import { failed } from "../dialog.js";
import { announce, h, put } from "../dom.js";
import { between, count, duration, titleOf, when } from "../format.js";
import { News } from "../news.js";
import { paced } from "../pace.js";
import { go, link } from "../router.js";
import { FINAL, TASK_STATES, badge, stateBar, words } from "../states.js";
import { pageHead } from "../table.js";

const LIMIT = 50;
const FILTERS = ["search", "status", "type", "tag", "user_id"];
const TYPING_MS = 300;
const AGAIN_MS = 2000;
const SEARCH_AGAIN_MS = 10000; // a search looks at thousands of tasks

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
    this.shown = new Map(); // by id: {task, element}
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
    this.listen();
    return true;
  }

  /** What changes is shown as it happens; new tasks come with the list read anew, unless more of it was asked for. */
  listen() {
    this.deaf();
    const { search, tag, user_id: user, type } = this.query;
    const again = () => this.pages === 1 && document.visibilityState === "visible" && this.load({ quietly: true });
    this.again = paced(again, search || tag || user ? SEARCH_AGAIN_MS : AGAIN_MS);
    this.news = new News(
      { type },
      { stands: (tasks) => tasks.forEach((task) => this.stands(task)), changed: this.again },
    );
  }

  deaf() {
    this.news?.close();
    this.again?.cancel();
  }

  stands({ task_id: id, counts, status, gate, started_at, completed_at, ...progress }) {
    const known = this.shown.get(id);
    if (known) this.show({ ...known.task, status, gate, started_at, completed_at, subtasks: counts, progress });
  }

  /** Puts a task where it is already, or at the end. */
  show(task) {
    const element = row(task);
    const before = this.shown.get(task.id)?.element;
    const focused = before?.contains(document.activeElement);
    if (before) before.replaceWith(element);
    else this.list.append(element);
    this.shown.set(task.id, { task, element });
    if (focused) element.querySelector("a").focus({ preventScroll: true });
  }

  refine() {
    clearTimeout(this.timer);
    const query = Object.fromEntries(FILTERS.map((name) => [name, this.form.elements[name].value.trim()]));
    if (FILTERS.some((name) => query[name] !== this.query[name])) go(["tasks"], query, { replace: true });
  }

  async load({ quietly = false } = {}) {
    this.asked?.abort();
    this.asked = new AbortController();
    const { signal } = this.asked;
    if (!quietly) this.list.setAttribute("aria-busy", "true");
    try {
      this.fill(await get(asking("/tasks", { ...this.query, limit: LIMIT }), { signal }));
      if (!quietly) announce(count(this.shown.size, "task"));
    } catch (error) {
      if (error.name === "AbortError" || quietly) return;
      put(this.list);
      put(
        this.end,
        failed(error, () => this.load()),
      );
    }
    this.list.removeAttribute("aria-busy");
  }

  /** The first page, in place of whatever is there. */
  fill(page) {
    const focused = document.activeElement?.closest(".task-row")?.dataset.id;
    put(this.list);
    this.shown.clear();
    this.pages = 1;
    page.tasks.forEach((task) => this.show(task));
    this.finish(page);
    this.shown.get(focused)?.element.querySelector("a").focus({ preventScroll: true });
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
    this.pages += 1;
    page.tasks.forEach((task) => this.show(task));
    this.finish(page);
  }

  escape() {
    this.form.reset();
    FILTERS.forEach((name) => (this.form.elements[name].value = ""));
    this.refine();
  }

  close() {
    this.deaf();
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
