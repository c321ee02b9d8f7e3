// Follows all tasks live: each message is the whole of how a task stands, so only the latest of each counts.

import { asking } from "./api.js";
import { follow } from "./source.js";

const AGAIN_MS = 3000;

export class News {
  /**
   * @param {{type: string}} query which tasks
   * @param {{stands, changed}} told stands([tasks]) once per drawn frame; changed() when one is new or in another state
   */
  constructor(query, told) {
    this.query = query;
    this.told = told;
    this.latest = new Map();
    this.frame = 0;
    this.open();
  }

  open() {
    const source = follow(asking("/events", this.query));
    this.source = source;
    source.addEventListener("progress", (message) => this.take(message));
    source.addEventListener("task", (message) => {
      this.take(message);
      this.told.changed();
    });
    source.onopen = () => {
      if (this.lost) this.told.changed();
      this.lost = false;
    };
    source.onerror = () => {
      this.lost = true;
      if (source.readyState === EventSource.CLOSED) this.timer = setTimeout(() => this.open(), AGAIN_MS);
    };
  }

  take(message) {
    const task = JSON.parse(message.data);
    this.latest.set(task.task_id, task);
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      const tasks = [...this.latest.values()];
      this.latest.clear();
      this.told.stands(tasks);
    });
  }

  close() {
    clearTimeout(this.timer);
    cancelAnimationFrame(this.frame);
    this.source.close();
  }
}
