// What happened, the latest first, as it is recorded in the graph.

import { h, say } from "./dom.js";
import { clock, number } from "./format.js";
import { Rows } from "./rows.js";
import { icon, words } from "./states.js";

const ROW = 24;

export class EventList {
  /** @param {Log} log; @param {{chosen, earlier}} told */
  constructor(log, told) {
    this.log = log;
    this.told = told;
    this.note = h("span.muted");
    this.more = h("button.small", { type: "button", on: { click: () => told.earlier() } }, "Load earlier");
    this.scroll = h("div.list-scroll", { tabindex: "0", role: "table", "aria-label": "Events, the latest first" });
    this.element = h("div.fill", {}, h("div.toolbar", {}, this.note, this.more), this.scroll);
    this.rows = new Rows(this.scroll, ROW, (index) => this.row(index));
    this.last = 0;
    this.changed();
  }

  changed() {
    const { events } = this.log;
    const last = events.at(-1)?.seq ?? 0;
    const fresh = this.last ? last - this.last : 0;
    this.last = last;
    say(this.note, events.length ? `Events ${number(events[0].seq)} to ${number(last)}` : "No events yet");
    this.more.hidden = !this.log.earlier;
    this.rows.show(events.length, fresh);
  }

  row(index) {
    const { events } = this.log;
    const event = events[events.length - 1 - index];
    const open = () => this.told.chosen(event.key);
    return h(
      "div.event-row",
      { role: "row" },
      h("span.seq", { role: "cell" }, event.seq),
      h("time", { role: "cell", datetime: event.at, title: event.at }, clock(event.at)),
      h("span.badge", { role: "cell", data: { state: event.to } }, icon(event.to), words(event.to)),
      event.key === null
        ? h("span.muted", { role: "cell" }, "the task")
        : h(
            "button.plain.key",
            { type: "button", role: "cell", data: { row: event.seq }, on: { click: open } },
            event.key,
          ),
      h("span.muted.detail", { role: "cell" }, [words(event.event), event.detail].filter(Boolean).join(": ")),
    );
  }

  close() {
    this.rows.close();
  }
}
