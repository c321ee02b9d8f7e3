// The events of a task that the page holds: the latest ones, earlier ones when asked for. From them come the attempts.

import { asking, at, get } from "./api.js";

const PAGE = 1000;
const FIRST = 3000;
const KEPT = 60000;

export class Log {
  constructor(task) {
    this.task = task;
    this.events = [];
    this.upto = 0;
    this.attempts = []; // {key, start, end, state, token}, in order of their start
    this.running = new Map();
    this.rows = new Map(); // by key the number of its row, in order of the first attempt
    this.loaded = null;
  }

  /** Whether there are events before the first one that is held. */
  get earlier() {
    return (this.events[0]?.seq ?? 1) - 1;
  }

  /** Reads what happened up to an event, the last few thousand; once. */
  load(upto, signal) {
    this.upto = Math.max(this.upto, upto);
    this.loaded ??= this.read(Math.max(0, upto - FIRST), upto, signal).then((events) => this.join(events));
    return this.loaded;
  }

  async loadEarlier(signal) {
    const first = this.events[0]?.seq ?? 1;
    this.join(await this.read(Math.max(0, first - 1 - FIRST), first - 1, signal));
  }

  async read(after, upto, signal) {
    const found = [];
    while (after < upto) {
      const limit = Math.min(PAGE, upto - after);
      const page = await get(asking(at("tasks", this.task, "events"), { after, limit }), { signal });
      if (!page.events.length) break;
      found.push(...page.events);
      after = page.next_after;
    }
    return found;
  }

  join(events) {
    const first = this.events[0]?.seq ?? Infinity;
    this.events = [...events.filter((event) => event.seq < first), ...this.events];
    this.attempts = [];
    this.running.clear();
    this.rows.clear();
    for (const event of this.events) this.note(event);
  }

  /** Live events, in order. */
  add(events) {
    const last = this.events.at(-1)?.seq ?? 0;
    const fresh = events.filter((event) => event.seq > last);
    this.events.push(...fresh);
    if (this.events.length > KEPT) this.join(this.events.splice(0).slice(-KEPT / 2));
    else fresh.forEach((event) => this.note(event));
  }

  note(event) {
    if (event.key === null) return;
    const time = Date.parse(event.at);
    const running = this.running.get(event.key);
    if (running) {
      running.end = time;
      running.state = event.to;
      this.running.delete(event.key);
    }
    if (event.to !== "processing") return;
    if (!this.rows.has(event.key)) this.rows.set(event.key, this.rows.size);
    const attempt = { key: event.key, row: this.rows.get(event.key), start: time, end: null, state: "processing" };
    this.attempts.push(attempt);
    this.running.set(event.key, attempt);
  }
}
