// One task, live: its graph, its timeline, its subtasks, its events, what came of it, and what a person may do to it.

import { failed, into, loading } from "../dialog.js";
import { announce, h, put, say } from "../dom.js";
import { EventList } from "../eventlist.js";
import { GraphTab } from "../graphtab.js";
import { jsonView } from "../json.js";
import { Log } from "../log.js";
import { TaskModel } from "../model.js";
import { paced } from "../pace.js";
import { go } from "../router.js";
import { FINAL } from "../states.js";
import { Stream } from "../stream.js";
import { SubtaskRows } from "../subtaskrows.js";
import { Timeline } from "../timeline.js";
import { Head } from "../taskhead.js";
import { Panel } from "../panel.js";
import { report } from "../report.js";

const TABS = {
  graph: "Graph",
  timeline: "Timeline",
  subtasks: "Subtasks",
  events: "Events",
  result: "Result",
  report: "Report",
};
const TICK_MS = 250;
const TASK_MS = 400;
const LIST_MS = 150;
const SAY_EVERY_MS = 8000;

export function open(main, place) {
  const view = new TaskView(main, place.path[1]);
  view.moved(place);
  view.start();
  return view;
}

class TaskView {
  constructor(main, id) {
    this.id = id;
    this.gone = new AbortController();
    this.model = new TaskModel(id, (what) => this.changed(what));
    this.log = new Log(id);
    this.head = new Head(this.model, { done: () => this.refresh() });
    this.panel = new Panel(this.model, { closed: () => this.choose(null), done: () => this.refresh() });
    this.tabs = h(
      "div.tabs",
      { role: "tablist", "aria-label": "Views of the task", on: { keydown: (event) => this.arrow(event) } },
      Object.entries(TABS).map(([name, title]) =>
        h(
          "button.tab",
          {
            type: "button",
            role: "tab",
            id: `tab-${name}`,
            "aria-controls": "tab-body",
            data: { tab: name },
            on: { click: () => this.visit(this.key, name) },
          },
          title,
        ),
      ),
    );
    this.body = h("div.tab-body", { role: "tabpanel", id: "tab-body" }, loading("the task"));
    this.lost = document.getElementById("lost");
    put(main, this.head.element, this.tabs, h("div.task-body", {}, this.body, this.panel.element));
  }

  async start() {
    try {
      await Promise.all([this.model.loadTask(this.gone.signal), this.model.loadGraph(this.gone.signal)]);
    } catch (error) {
      if (error.name !== "AbortError")
        put(
          this.body,
          failed(error, () => location.reload()),
        );
      return;
    }
    this.began = this.model.seq;
    this.ready = true;
    this.panel.show(this.key);
    this.showTab();
    this.follow();
  }

  follow() {
    if (FINAL.has(this.model.task.status)) return;
    this.stream = new Stream(this.id, this.model.seq, {
      events: (events) => this.happened(events),
      progress: (progress) => this.head.progress(progress),
      snapshot: () => this.model.reload(this.gone.signal),
      end: () => this.refresh(),
      refused: () => this.refused(),
      state: (state) => this.connection(state),
    });
    this.ticking = setInterval(() => this.tick(), TICK_MS);
  }

  connection(state) {
    this.lost.hidden = state !== "lost";
    say(this.lost, state === "lost" ? "Connection lost, trying again …" : "");
    this.head.live(state);
    if (state === "live" && this.model.missed) this.model.reload(this.gone.signal);
    if (state === "ended") clearInterval(this.ticking);
  }

  /** The engine is there and does not let us follow: the task is gone, or it is full for a while. */
  async refused() {
    try {
      await this.model.loadTask(this.gone.signal);
    } catch (error) {
      if (error.status !== 404) return;
      this.stream.close();
      this.connection("ended");
      put(this.body, failed(error));
    }
  }

  happened(events) {
    this.log.add(events);
    const { items, keys, grown, task } = this.model.apply(events);
    this.head.counts(this.model.counts);
    this.tab?.updated?.(items);
    this.panel.happened(keys);
    if (grown) this.model.reload(this.gone.signal);
    if (task) this.soon();
    this.tell();
  }

  /** Reads the task again soon: its state, its result and what may be done to it. */
  soon() {
    this.later ??= setTimeout(() => {
      this.later = null;
      this.model.loadTask(this.gone.signal).catch(() => null);
    }, TASK_MS);
  }

  /** Reads everything again: after something was done, and at the end. */
  async refresh() {
    await Promise.all([this.model.loadTask(this.gone.signal), this.model.loadGraph(this.gone.signal)]);
    this.panel.show(this.key, { anew: true });
    if (!this.stream?.source) this.follow();
  }

  tell() {
    if (Date.now() - (this.told ?? 0) < SAY_EVERY_MS) return;
    this.told = Date.now();
    announce(this.head.words);
  }

  changed(what) {
    if (what === "task") {
      this.head.show();
      this.panel.taskChanged();
      document.title = `${this.head.title} · Agent03`;
      if (FINAL.has(this.model.task.status)) announce(this.head.words);
      if (this.name === "result" && this.ready) this.showTab();
    } else if (this.ready) {
      this.head.counts(this.model.counts);
      this.tab?.redrawn?.();
    }
  }

  tick() {
    this.head.tick();
    this.tab?.tick?.();
  }

  // --- where the reader is ---

  moved({ path, query }) {
    if (path[1] !== this.id) return false;
    this.key = path[2] ?? null;
    const name = TABS[query.get("tab")] ? query.get("tab") : "graph";
    const other = name !== this.name;
    this.name = name;
    for (const tab of this.tabs.children) {
      const mine = tab.dataset.tab === name;
      tab.setAttribute("aria-selected", mine);
      tab.tabIndex = mine ? 0 : -1;
      if (!mine) continue;
      this.body.setAttribute("aria-labelledby", tab.id);
      tab.scrollIntoView({ block: "nearest", inline: "nearest" });
    }
    if (!this.ready) return true;
    this.panel.show(this.key);
    if (other) this.showTab();
    this.tab?.selected?.(this.key);
    return true;
  }

  visit(key, tab) {
    go(["tasks", this.id, ...(key ? [key] : [])], { tab: tab === "graph" ? "" : tab });
  }

  choose(key) {
    if (key !== this.key) this.visit(key, this.name);
  }

  escape() {
    this.choose(null);
  }

  arrow(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const names = Object.keys(TABS);
    const next = names[(names.indexOf(this.name) + step + names.length) % names.length];
    this.visit(this.key, next);
    this.tabs.querySelector(`[data-tab=${next}]`).focus();
  }

  showTab() {
    this.tab?.close?.();
    this.tab = null;
    put(this.body);
    this.tab = this[`${this.name}Tab`]();
    this.tab?.selected?.(this.key);
  }

  graphTab() {
    return new GraphTab(this.body, this.model, { chosen: (key) => this.choose(key), signal: this.gone.signal });
  }

  timelineTab() {
    return this.logTab(
      new Timeline(this.log, { ...this.listening(), running: () => !FINAL.has(this.model.task.status) }),
    );
  }

  eventsTab() {
    return this.logTab(new EventList(this.log, this.listening()));
  }

  subtasksTab() {
    const rows = new SubtaskRows(this.model, this.listening());
    put(this.body, rows.element);
    const changed = paced(() => rows.changed(), LIST_MS);
    return { updated: changed, redrawn: changed, close: () => (changed.cancel(), rows.close()) };
  }

  resultTab() {
    const { result, status } = this.model.task;
    const none = FINAL.has(status) ? "It has no result." : "It has no result yet.";
    put(this.body, h("div.scroll", {}, result === null ? h("p.empty", {}, none) : jsonView(result, "Result")));
    return null;
  }

  reportTab() {
    const element = h("div.scroll", {}, loading("the report"));
    put(this.body, element);
    into(
      element,
      () => report(this.id, this.gone.signal),
      (made) => made,
    );
    return null;
  }

  listening() {
    return {
      chosen: (key) => this.choose(key),
      earlier: async () => {
        await this.log.loadEarlier(this.gone.signal);
        this.tab?.updated?.();
      },
    };
  }

  logTab(tab) {
    put(this.body, tab.element);
    this.log.load(this.began, this.gone.signal).then(() => tab.changed());
    const changed = paced(() => tab.changed(), LIST_MS);
    return { updated: changed, tick: () => tab.tick?.(), close: () => (changed.cancel(), tab.close()) };
  }

  close() {
    this.gone.abort();
    this.stream?.close();
    clearInterval(this.ticking);
    clearTimeout(this.later);
    this.tab?.close?.();
    this.panel.close();
    this.connection("");
  }
}
