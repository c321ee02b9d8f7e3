// The states: their order, their shapes, and what a person may do in each. The same as in engine/states.py, by a test.

import { h, s } from "./dom.js";

/** Worst first: what a group of several states is coloured by. */
export const BY_URGENCY = [
  "failed",
  "quarantined",
  "blocked",
  "awaiting_approval",
  "retrying",
  "processing",
  "ready",
  "pending",
  "cancelled",
  "skipped",
  "completed",
];

/** The order in which states stand in bars and legends. */
export const IN_ORDER = [
  "completed",
  "processing",
  "retrying",
  "awaiting_approval",
  "ready",
  "failed",
  "quarantined",
  "blocked",
  "skipped",
  "cancelled",
  "pending",
];

export const SETTLED = new Set(["completed", "failed", "skipped", "blocked", "cancelled", "quarantined"]);
export const FINAL = new Set(["completed", "failed", "cancelled"]);
export const TASK_STATES = ["pending", "processing", "paused", "completed", "failed", "cancelled"];

export const TASK_VERBS = {
  pending: ["pause", "cancel"],
  processing: ["pause", "cancel"],
  paused: ["resume", "cancel"],
  completed: ["rerun", "delete"],
  failed: ["rerun", "delete"],
  cancelled: ["rerun", "delete"],
};

export const SUBTASK_VERBS = {
  pending: ["skip"],
  ready: ["skip"],
  processing: [],
  retrying: ["skip", "retry"],
  awaiting_approval: ["approve", "reject", "skip"],
  completed: [],
  failed: ["skip", "retry"],
  skipped: [],
  blocked: ["skip"],
  cancelled: [],
  quarantined: ["skip", "retry"],
};

/** One shape per state on 16 by 16, so that nobody needs to tell colours apart. */
const SHAPES = {
  pending: [["circle", { cx: 8, cy: 8, r: 5, "stroke-dasharray": "2.2 2" }]],
  ready: [
    ["circle", { cx: 8, cy: 8, r: 5 }],
    ["circle", { cx: 8, cy: 8, r: 1.6, fill: "currentColor" }],
  ],
  processing: [
    ["path", { d: "M8 2.6A5.4 5.4 0 1 1 2.6 8" }],
    ["circle", { cx: 8, cy: 8, r: 1.4, fill: "currentColor" }],
  ],
  retrying: [["path", { d: "M12.9 6.2A5.2 5.2 0 1 0 13.2 9M13.4 2.8V6.4H9.8" }]],
  awaiting_approval: [
    ["circle", { cx: 8, cy: 5.2, r: 2.5 }],
    ["path", { d: "M3.2 13.4c.4-3 2.3-4.3 4.8-4.3s4.4 1.3 4.8 4.3" }],
  ],
  completed: [["path", { d: "M3 8.6 6.4 12 13 4.6" }]],
  failed: [["path", { d: "M3.8 3.8 12.2 12.2M12.2 3.8 3.8 12.2" }]],
  skipped: [["path", { d: "M3 4 7 8 3 12M8.6 4l4 4-4 4" }]],
  blocked: [
    ["circle", { cx: 8, cy: 8, r: 5.4 }],
    ["path", { d: "M4.8 8H11.2" }],
  ],
  cancelled: [["rect", { x: 3.6, y: 3.6, width: 8.8, height: 8.8, rx: 1 }]],
  quarantined: [["path", { d: "M8 2.6 14 13H2ZM8 6.6V9.4M8 11.2V11.4" }]],
  paused: [["path", { d: "M5.4 3.6V12.4M10.6 3.6V12.4" }]],
};

export const words = (state) => state.replaceAll("_", " ");

/** The shape of a state, 14 pixels wide. */
export function icon(state) {
  return s("svg.state-icon", { viewBox: "0 0 16 16", "aria-hidden": "true", data: { state } }, shapes(state));
}

/** The shape alone, for a drawing. */
export const shapes = (state) => (SHAPES[state] ?? SHAPES.pending).map(([tag, attributes]) => s(tag, attributes));

/** Shape, colour and word. */
export const badge = (state) => h("span.badge", { data: { state } }, icon(state), words(state));

/** The state that stands for several, {state: number}. */
export function worst(counts) {
  const open = BY_URGENCY.find((state) => counts[state] > 0);
  return open ?? "pending";
}

/** A bar of the shares of the states, {state: number}. */
export function stateBar(counts, total) {
  const sum = total || Object.values(counts).reduce((one, other) => one + other, 0) || 1;
  const parts = IN_ORDER.filter((state) => counts[state] && state !== "pending");
  const said = IN_ORDER.filter((state) => counts[state]).map((state) => `${counts[state]} ${words(state)}`);
  return h(
    "div.state-bar",
    { role: "img", "aria-label": said.join(", ") || "nothing yet", title: said.join(", ") },
    parts.map((state) => h("span", { data: { state }, style: { width: `${(100 * counts[state]) / sum}%` } })),
  );
}
