// Follows one task live. The browser joins again by itself, with the number of the last event that it has seen; when it
// gives up, we join again from there. Events are handed on once, in order, one batch per drawn frame.

import { asking, at } from "./api.js";
import { follow } from "./source.js";

const AGAIN_MS = [500, 1000, 2000, 5000];
const HIDDEN_LIMIT = 2000; // a page that is not drawn gets its events all the same

export class Stream {
  /**
   * @param {string} task its id
   * @param {number} after the number of the last event already known
   * @param {{events, progress, snapshot, end, refused, state}} told called with a batch of events, with the progress,
   *   when the graph has to be read anew, when the task is final, when the engine refuses to be followed, and with
   *   "live", "lost" or "ended"
   */
  constructor(task, after, told) {
    this.task = task;
    this.last = after;
    this.told = told;
    this.waiting = [];
    this.progress = null;
    this.failures = 0;
    this.frame = 0;
    this.open();
  }

  open() {
    const place = { after: this.last || "0", lag: "snapshot" };
    const source = follow(asking(at("tasks", this.task, "events"), place));
    this.source = source;
    source.onopen = () => {
      this.failures = 0;
      this.told.state("live");
    };
    source.onmessage = (message) => this.event(JSON.parse(message.data));
    source.addEventListener("progress", (message) => {
      this.progress = JSON.parse(message.data);
      this.soon();
    });
    source.addEventListener("snapshot", (message) => {
      this.last = Math.max(this.last, JSON.parse(message.data).seq ?? 0);
      this.told.snapshot();
    });
    source.addEventListener("end", () => {
      this.flush();
      this.close();
      this.told.state("ended");
      this.told.end();
    });
    source.onerror = () => this.lost(source);
  }

  event(event) {
    if (event.seq <= this.last) return;
    this.last = event.seq;
    this.waiting.push(event);
    if (this.waiting.length >= HIDDEN_LIMIT) this.flush();
    else this.soon();
  }

  soon() {
    this.frame ||= requestAnimationFrame(() => this.flush());
  }

  flush() {
    cancelAnimationFrame(this.frame);
    this.frame = 0;
    const [events, progress] = [this.waiting, this.progress];
    [this.waiting, this.progress] = [[], null];
    if (events.length) this.told.events(events);
    if (progress) this.told.progress(progress);
  }

  lost(source) {
    if (this.source !== source) return;
    this.told.state("lost");
    if (source.readyState !== EventSource.CLOSED) return;
    this.told.refused();
    const pause = AGAIN_MS[Math.min(this.failures, AGAIN_MS.length - 1)];
    this.failures += 1;
    this.timer = setTimeout(() => this.open(), pause);
  }

  close() {
    clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
    const source = this.source;
    this.source = null;
    source?.close();
  }
}
