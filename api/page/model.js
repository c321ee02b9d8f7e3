// One task as the page knows it: its document, where each subtask stands, and what is drawn for it. Nothing of the
// document tree is here.

import { asking, at, get } from "./api.js";
import { worst } from "./states.js";

/** Above so many subtasks like ones are drawn as one, until somebody unfolds them. */
export const FOLD_ABOVE = 2000;
const RELOAD_MS = 600;

export class TaskModel {
  constructor(id, changed) {
    this.id = id;
    this.changed = changed;
    this.task = null;
    this.counts = {}; // how many subtasks are in each state
    this.subtasks = new Map(); // by key: {key, type, status, generation, item, seconds, expected, critical}
    this.items = []; // what is drawn: {name, label, x, y, count, counts, state, critical, keys}
    this.edges = [];
    this.path = [];
    this.layout = { width: 0, height: 0, bends: [] };
    this.seq = 0;
    this.open = new Set(); // names of groups that are unfolded
    this.folded = null; // what the reader chose; null leaves it to the number of subtasks
    this.folds = false; // whether like subtasks are drawn as one now
  }

  async loadTask(signal) {
    const found = await get(asking(at("tasks", this.id), { subtasks: "0" }), { signal });
    this.task = found.task;
    this.changed("task");
    return this.task;
  }

  async loadGraph(signal) {
    const folding = { collapse: true, members: true, above: this.folded ? 0 : FOLD_ABOVE, open: [...this.open] };
    const query = { layout: true, ...(this.folded === false ? {} : folding) };
    const began = performance.now();
    const graph = await get(asking(at("tasks", this.id, "graph"), query), { signal });
    this.cost = performance.now() - began;
    this.take(graph);
    this.changed("graph");
  }

  /** Reads the graph anew soon, however often that is asked for; what fails is left for `missed`. */
  reload(signal) {
    this.missed = false;
    this.pending ??= setTimeout(
      async () => {
        try {
          await this.loadGraph(signal);
        } catch (error) {
          this.missed = error.name !== "AbortError";
        } finally {
          this.pending = null;
        }
      },
      Math.max(RELOAD_MS, 3 * (this.cost ?? 0)),
    );
  }

  take(graph) {
    const known = this.subtasks;
    this.subtasks = new Map();
    this.counts = {};
    this.seq = Math.max(this.seq, graph.seq);
    this.folds = graph.nodes.length > 0 && Boolean(graph.nodes[0].members);
    this.edges = graph.edges;
    this.path = graph.critical_path;
    this.layout = graph.layout;
    this.items = graph.nodes.map((node) => {
      const members = node.members ?? [[node.key, node.status]];
      const item = {
        name: node.key,
        type: node.type,
        generation: node.generation,
        x: node.x,
        y: node.y,
        count: members.length,
        counts: {},
        critical: node.critical_path,
        seconds: node.seconds ?? null,
        keys: members.map(([key]) => key),
      };
      for (const [key, status] of members) {
        for (const counts of [item.counts, this.counts]) counts[status] = (counts[status] ?? 0) + 1;
        const before = known.get(key);
        this.subtasks.set(key, {
          key,
          type: node.type,
          status,
          generation: node.generation,
          item,
          seconds: (status === "processing" ? null : node.seconds) ?? before?.seconds ?? null,
          expected: node.expected ?? null,
          critical: node.critical_path,
          started: before?.started ?? null,
        });
      }
      item.state = worst(item.counts);
      return item;
    });
    this.itemNamed = new Map(this.items.map((item) => [item.name, item]));
  }

  /** Applies events in order; returns {items, keys, grown, task}: what they have changed. */
  apply(events) {
    const items = new Set();
    const keys = new Set();
    let [grown, task] = [false, false];
    for (const event of events) {
      if (event.seq <= this.seq) continue;
      this.seq = event.seq;
      if (event.key === null) {
        task = true;
        continue;
      }
      keys.add(event.key);
      const subtask = this.subtasks.get(event.key);
      if (!subtask) grown = true;
      else this.move(subtask, event, items);
    }
    for (const item of items) item.state = worst(item.counts);
    return { items, keys, grown, task };
  }

  move(subtask, event, items) {
    const at = Date.parse(event.at);
    if (event.to === "processing") subtask.started = at;
    else if (subtask.status === "processing") subtask.seconds = subtask.started && (at - subtask.started) / 1000;
    if (subtask.status === event.to) return;
    const { item } = subtask;
    if (item.count === 1) item.seconds = subtask.seconds;
    for (const counts of [item.counts, this.counts]) {
      counts[subtask.status] -= 1;
      counts[event.to] = (counts[event.to] ?? 0) + 1;
    }
    subtask.status = event.to;
    items.add(item);
  }
}
