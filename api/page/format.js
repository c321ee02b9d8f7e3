// Numbers, sizes and times as people read them.

import { h } from "./dom.js";

const NUMBER = new Intl.NumberFormat("en");
const TIME = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const DAY = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export const number = (value) => NUMBER.format(value);

/** "1 subtask", "2 subtasks". */
export const count = (value, noun) => `${number(value)} ${noun}${value === 1 ? "" : "s"}`;

export const percent = (share) => (share === null || share === undefined ? "–" : `${Math.round(share * 1000) / 10} %`);

/** Seconds, in the unit in which they are small. */
export function duration(seconds) {
  if (seconds === null || seconds === undefined) return "–";
  if (seconds < 0.9995) return `${Math.round(seconds * 1000)} ms`;
  if (seconds < 59.95) return `${seconds.toFixed(seconds < 9.995 ? 2 : 1)} s`;
  const whole = Math.round(seconds);
  const parts = [Math.floor(whole / 86400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60, whole % 60];
  const first = parts.findIndex((part) => part > 0);
  const two = (part) => String(part).padStart(2, "0");
  return first === 3
    ? `${parts[3]} s`
    : `${parts[first]} ${"dhms"[first]} ${two(parts[first + 1])} ${"dhms"[first + 1]}`;
}

export function bytes(value) {
  if (value === null || value === undefined) return "–";
  let unit = 0;
  for (; value >= 1024 && unit < UNITS.length - 1; unit += 1) value /= 1024;
  return `${unit ? value.toFixed(1) : value} ${UNITS[unit]}`;
}

/** The time of day, with the day where it is not today. */
export function moment(iso) {
  const at = new Date(iso);
  const today = at.toDateString() === new Date().toDateString();
  return today ? TIME.format(at) : `${DAY.format(at)} ${TIME.format(at)}`;
}

export const clock = (iso) => `${TIME.format(new Date(iso))}.${iso.slice(20, 23)}`;

/** A time that says its full form when pointed at. */
export const when = (iso) => (iso ? h("time", { datetime: iso, title: iso }, moment(iso)) : "–");

/** Seconds between two times; until now where the second is missing. */
export function between(start, end) {
  return start ? (new Date(end ?? Date.now()) - new Date(start)) / 1000 : null;
}

/** The middle of a long text left out: keys differ at their ends. */
export function shortened(text, length) {
  if (text.length <= length) return text;
  const tail = Math.floor((length - 1) / 2);
  return `${text.slice(0, length - 1 - tail)}…${text.slice(text.length - tail)}`;
}

/** What a task is called: its name, else what it was asked for, else its type. */
export const titleOf = (task) => task.name || task.description || task.type;
