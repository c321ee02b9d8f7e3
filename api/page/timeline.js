// Every attempt as a bar on the time that it took, one row for each subtask, while it happens.

import { h, put, say } from "./dom.js";
import { count, duration, shortened } from "./format.js";
import { Rows } from "./rows.js";
import { words } from "./states.js";

const ROW = 22;
const TICKS = 6;
const STEPS = [
  0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 86400,
];
const LEAST_PERCENT = 0.15;

export class Timeline {
  /** @param {Log} log; @param {{chosen, earlier, running}} told chosen(key), earlier(), running() whether time goes on */
  constructor(log, told) {
    this.log = log;
    this.told = told;
    this.axis = h("div.axis", { "aria-hidden": "true" });
    this.note = h("span.muted");
    this.near = h("input", { type: "checkbox", on: { change: () => this.rows.soon() } });
    const near = h("label.check", {}, this.near, "Time of the rows in sight only");
    this.more = h("button.small", { type: "button", on: { click: () => told.earlier() } }, "Load earlier");
    this.scroll = h("div.timeline-scroll", { tabindex: "0", role: "table", "aria-label": "Attempts by subtask" });
    this.element = h("div.timeline", {}, h("div.toolbar", {}, this.note, near, this.more), this.axis, this.scroll);
    this.rows = new Rows(
      this.scroll,
      ROW,
      (index) => this.row(index),
      (first, last) => this.scale(first, last),
    );
    this.changed();
  }

  /** The log has something new. */
  changed() {
    const stay = this.rows.atEnd && this.rows.count > 0;
    this.keys = [...this.log.rows.keys()];
    this.bars = this.keys.map(() => []);
    for (const attempt of this.log.attempts) this.bars[attempt.row].push(attempt);
    say(this.note, `${count(this.log.attempts.length, "attempt")} of ${count(this.keys.length, "subtask")}`);
    this.more.hidden = !this.log.earlier;
    this.rows.show(this.keys.length);
    if (stay) this.rows.toEnd();
  }

  /** Time has gone on. */
  tick() {
    if (this.log.running.size) this.rows.soon();
  }

  /** From when to when the axis goes: over all attempts, or those of the rows in sight. */
  scale(first, last) {
    const shown = this.near.checked ? this.bars.slice(first, last).flat() : this.log.attempts;
    const now = this.told.running() ? Date.now() : 0;
    this.start = shown.reduce((least, { start }) => Math.min(least, start), Infinity);
    this.end = shown.reduce((most, { start, end }) => Math.max(most, end ?? Math.max(start, now)), this.start + 1);
    if (shown.length) this.ruler();
  }

  ruler() {
    const seconds = (this.end - this.start) / 1000;
    const step = STEPS.find((one) => seconds / one <= TICKS) ?? Math.ceil(seconds / TICKS / 86400) * 86400;
    const marks = [];
    for (let at = 0; at <= seconds; at += step) {
      marks.push(h("span", { style: { left: `${(100 * at) / seconds}%` } }, at ? duration(at) : "0"));
    }
    put(this.axis, h("div.marks", {}, marks));
  }

  row(index) {
    const key = this.keys[index];
    const open = () => this.told.chosen(key);
    return h(
      "div.timeline-row",
      { role: "row" },
      h(
        "button.plain.key",
        { type: "button", role: "rowheader", title: key, data: { row: key }, on: { click: open } },
        shortened(key, 26),
      ),
      h(
        "div.track",
        { role: "cell" },
        this.bars[index].map((attempt) => this.bar(attempt)),
      ),
    );
  }

  bar({ start, end, state }) {
    const whole = this.end - this.start;
    const took = ((end ?? this.end) - start) / 1000;
    const outcome = end ? (state === "ready" ? "put back" : words(state)) : "running";
    const width = Math.max(LEAST_PERCENT, (100 * ((end ?? this.end) - start)) / whole);
    const left = Math.min(100 - LEAST_PERCENT, (100 * (start - this.start)) / whole);
    const text = `${outcome}, ${duration(took)}`;
    return h("span.attempt", {
      data: { state },
      title: text,
      "aria-label": text,
      role: "img",
      style: { left: `${left}%`, width: `${width}%` },
    });
  }

  close() {
    this.rows.close();
  }
}
