// All subtasks as a table that can be searched: the graph for those who read, and for those who listen.

import { h, put, say } from "./dom.js";
import { count, duration, number } from "./format.js";
import { Rows } from "./rows.js";
import { IN_ORDER, icon, words } from "./states.js";

const ROW = 26;

export class SubtaskRows {
  /** @param {TaskModel} model; @param {{chosen}} told */
  constructor(model, told) {
    this.model = model;
    this.told = told;
    this.text = h("input", {
      type: "search",
      placeholder: "Key or type",
      "aria-label": "Search subtasks",
      on: { input: () => this.changed() },
    });
    this.state = h("select", { "aria-label": "State", on: { change: () => this.changed() } });
    this.note = h("span.muted", { role: "status" });
    this.scroll = h("div.list-scroll", {
      tabindex: "0",
      role: "table",
      "aria-label": "Subtasks in the order of the plan",
    });
    const heads = ["State", "Key", "Type", "Generation", "Took"].map((name) =>
      h("span", { role: "columnheader" }, name),
    );
    this.element = h(
      "div.fill",
      {},
      h("div.toolbar", {}, this.text, this.state, this.note),
      h("div.subtask-row.head", { "aria-hidden": "true" }, heads),
      this.scroll,
    );
    this.rows = new Rows(this.scroll, ROW, (index) => this.row(index));
    this.changed();
  }

  changed() {
    const counts = this.model.counts;
    this.choices(counts);
    const text = this.text.value.trim().toLowerCase();
    const state = this.state.value;
    this.found = [...this.model.subtasks.values()].filter(
      (one) =>
        (!state || one.status === state) &&
        (!text || one.key.toLowerCase().includes(text) || one.type.toLowerCase().includes(text)),
    );
    say(this.note, count(this.found.length, "subtask"));
    this.rows.show(this.found.length);
  }

  choices(counts) {
    const there = IN_ORDER.filter((state) => counts[state] || state === this.state.value);
    const said = there.map((state) => `${state} ${counts[state] ?? 0}`).join();
    if (said === this.said) return;
    this.said = said;
    const chosen = this.state.value;
    put(
      this.state,
      h("option", { value: "" }, "Any state"),
      there.map((state) =>
        h("option", { value: state, selected: state === chosen }, `${words(state)} (${number(counts[state] ?? 0)})`),
      ),
    );
  }

  row(index) {
    const { key, type, status, generation, seconds, critical } = this.found[index];
    const open = () => this.told.chosen(key);
    return h(
      "div.subtask-row",
      { role: "row" },
      h("span.badge", { role: "cell", data: { state: status } }, icon(status), words(status)),
      h("button.plain.key", { type: "button", role: "cell", title: key, data: { row: key }, on: { click: open } }, key),
      h("span.muted", { role: "cell" }, type),
      h("span.number", { role: "cell", title: critical ? "on the critical path" : null }, generation),
      h("span.number", { role: "cell" }, seconds === null ? "" : duration(seconds)),
    );
  }

  close() {
    this.rows.close();
  }
}
