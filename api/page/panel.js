// One subtask beside the graph: where it stands and why, what it was given, what it made, and every attempt.

import { asking, at, get } from "./api.js";
import { copy, failed, loading } from "./dialog.js";
import { h, put } from "./dom.js";
import { count, duration, when } from "./format.js";
import { jsonView } from "./json.js";
import { logLines, plain } from "./loglines.js";
import { request } from "./requests.js";
import { link } from "./router.js";
import { FINAL, SETTLED, SUBTASK_VERBS, badge, words } from "./states.js";
import { facts } from "./table.js";
import { rerunFrom, subtaskButtons } from "./verbs.js";

const AGAIN_MS = 300;

export class Panel {
  /** @param {TaskModel} model; @param {{closed, done}} told */
  constructor(model, told) {
    this.model = model;
    this.told = told;
    this.key = null;
    this.element = h("aside.panel", { "aria-label": "Subtask", tabindex: "-1", hidden: true });
  }

  /** Shows a subtask; `anew` reads it again also when it is there already. */
  show(key, { anew = false } = {}) {
    if (key === this.key && !anew) return;
    const other = key !== this.key;
    this.key = key;
    this.element.hidden = !key;
    this.shown = other ? null : this.shown;
    if (!key) {
      this.close();
      put(this.element);
      this.before?.focus({ preventScroll: true });
      this.before = null;
      return;
    }
    if (other) put(this.element, this.head(key), loading("the subtask"));
    if (other) this.focus();
    this.load();
  }

  /** Whoever opens a subtask goes on in it, and comes back to where he was when it is closed. */
  focus() {
    const now = document.activeElement;
    if (!this.element.contains(now)) this.before = now;
    this.element.focus({ preventScroll: true });
  }

  taskChanged() {
    if (this.key && this.shown) this.draw();
  }

  happened(keys) {
    if (this.key && keys.has(this.key)) this.later ??= setTimeout(() => this.load(), AGAIN_MS);
  }

  async load() {
    clearTimeout(this.later);
    this.later = null;
    this.asked?.abort();
    this.asked = new AbortController();
    const { signal } = this.asked;
    const key = this.key;
    try {
      const [detail, why] = await Promise.all([
        get(at("tasks", this.model.id, "subtasks", key), { signal }),
        get(at("tasks", this.model.id, "why", key), { signal }),
      ]);
      if (key !== this.key) return;
      const waits = detail.subtask.status === "awaiting_approval";
      const { approvals } = waits ? await get(asking(at("tasks", this.model.id, "approvals"), { limit: 1000 })) : {};
      if (key !== this.key) return;
      this.shown = { detail, why, asked: approvals?.find((one) => one.key === key) };
      this.draw();
    } catch (error) {
      if (error.name !== "AbortError")
        put(
          this.element,
          this.head(key),
          failed(error, () => this.load()),
        );
    }
  }

  head(key, status = null) {
    return h(
      "div.panel-head",
      {},
      h("h2.mono", {}, key),
      status && badge(status),
      h(
        "button.icon-button",
        { type: "button", "aria-label": "Close the subtask", on: { click: () => this.told.closed() } },
        "×",
      ),
    );
  }

  draw() {
    const { detail, why, asked } = this.shown;
    const { subtask } = detail;
    if (subtask.key !== this.key) return;
    const { scrollTop } = this.element;
    put(
      this.element,
      this.head(subtask.key, subtask.status),
      this.buttons(subtask),
      subtask.error && this.error(subtask),
      this.reasons(subtask, why),
      asked && h("section.part", {}, h("h3", {}, "What is asked"), request(asked)),
      this.about(detail),
      part("Input", detail.input, "Input"),
      detail.resolved_input !== null &&
        differs(detail.input, detail.resolved_input) &&
        part("Resolved input", detail.resolved_input, "Resolved input"),
      subtask.output !== null &&
        part(subtask.status === "completed" ? "Output" : "Output until it failed", subtask.output, "Output"),
      detail.attempts.length > 0 && this.attempts(detail.attempts),
      detail.logs.length > 0 && this.logs(detail.logs),
    );
    this.element.scrollTop = scrollTop;
  }

  buttons(subtask) {
    const { task } = this.model;
    const { done } = this.told;
    const final = FINAL.has(task.status);
    return h(
      "div.actions",
      { role: "group", "aria-label": "Actions on the subtask" },
      final
        ? rerunFrom(task, subtask.key, done)
        : subtaskButtons(task, subtask.key, SUBTASK_VERBS[subtask.status] ?? [], done),
      h(
        "button.small",
        { type: "button", on: { click: () => copy(cypher(subtask.subtask_id), "Cypher") } },
        "Copy as Cypher",
      ),
    );
  }

  error({ error, attempts, status }) {
    const after = attempts > 1 ? ` after ${count(attempts, "attempt")}` : "";
    return h(
      "div.note.bad",
      {},
      h("p", {}, h("b", {}, error.category ?? "failed"), status === "retrying" ? "" : after),
      h("p.said", {}, error.message),
      error.suggestion && h("p", {}, h("b", {}, "What to do: "), error.suggestion),
    );
  }

  /** Why it is where it is; of what has completed there is nothing to say, and an error has said its own. */
  reasons(subtask, why) {
    if (subtask.status === "completed") return null;
    const told = subtask.error && SETTLED.has(subtask.status);
    const elsewhere = why.roots.filter((key) => key !== subtask.key);
    const causes = told ? [] : why.causes.filter((cause) => cause.advice || cause.key);
    const parts = [
      !told && h("p", {}, why.words),
      causes.length > 0 &&
        h(
          "ul",
          {},
          causes.map((cause) =>
            h("li", {}, cause.key && [this.to(cause.key), ": "], cause.words, cause.advice && ` ${cause.advice}`),
          ),
        ),
      elsewhere.length > 0 && h("p.muted", {}, "It comes down to ", this.list(elsewhere)),
      why.behind.count > 0 &&
        h(
          "p.muted",
          {},
          `${why.behind.more ? "At least " : ""}${count(why.behind.count, "subtask")} behind it: `,
          this.list(why.behind.keys),
        ),
    ].filter(Boolean);
    const title = told ? "Behind it" : SETTLED.has(subtask.status) ? "Why it ended so" : "Why it is not done";
    return parts.length > 0 && h("section.part", {}, h("h3", {}, title), parts);
  }

  to(key) {
    return h("a", { href: link(["tasks", this.model.id, key]) }, key);
  }

  /** Links to the first of some subtasks. */
  list(keys, most = 5) {
    const shown = keys.slice(0, most).flatMap((key, place) => [place ? ", " : "", this.to(key)]);
    return [shown, keys.length > most && ` and ${keys.length - most} more`];
  }

  about({ subtask, dependencies, priority, generation, waiting_for: waiting }) {
    return facts([
      ["Type", subtask.type],
      ["Depends on", dependencies.length > 0 ? this.list(dependencies, 30) : null],
      [
        "Runs with",
        waiting &&
          h("a", { href: link(["tasks", waiting.task_id, waiting.key]) }, `${waiting.key} of ${waiting.task_id}`),
      ],
      ["Reason", subtask.reason],
      ["Ready", subtask.queued_at && when(subtask.queued_at)],
      ["Started", subtask.started_at && when(subtask.started_at)],
      ["Ended", subtask.completed_at && when(subtask.completed_at)],
      ["Took", subtask.execution_time === null ? null : duration(subtask.execution_time)],
      ["Repeated", subtask.retry_at && when(subtask.retry_at)],
      ["From the cache", subtask.cached ? "yes" : null],
      ["Priority", priority === 5 ? null : priority],
      ["Generation", generation],
      ["Id", h("span.mono", {}, subtask.subtask_id)],
    ]);
  }

  attempts(attempts) {
    return h(
      "section.part",
      {},
      h("h3", {}, count(attempts.length, "attempt")),
      h(
        "ol.attempts",
        {},
        attempts.map((attempt, place) =>
          h(
            "li",
            {},
            h(
              "div.attempt-line",
              {},
              h("b", {}, place + 1),
              h("span.badge", { data: { state: attempt.outcome } }, words(attempt.outcome)),
              h("span.muted", {}, duration(attempt.execution_time)),
              when(attempt.started_at),
            ),
            h("p.muted.mono", { title: "The engine that ran it" }, attempt.ran_on),
            attempt.agent_id && h("p.muted.mono", { title: "The agent that it ran at" }, attempt.agent_id),
            attempt.error && h("p.said", {}, attempt.error.message),
          ),
        ),
      ),
    );
  }

  /** What it has said while it ran. */
  logs(lines) {
    return h(
      "section.part",
      {},
      h("h3", {}, count(lines.length, "log line")),
      logLines(lines),
    );
  }

  close() {
    clearTimeout(this.later);
    this.asked?.abort();
  }
}

const part = (title, value, what) => h("section.part", {}, h("h3", {}, title), jsonView(value, what));

const differs = (one, other) => plain(one) !== plain(other);

/** The subtask with its neighbours, for Neo4j Browser. */
function cypher(id) {
  const quoted = `'${id.replace(/[\\']/g, "\\$&")}'`;
  return `MATCH (s:Subtask {id: ${quoted}})\nOPTIONAL MATCH (s)-[r]-(n)\nRETURN s, r, n`;
}
