// What a person does to a task or a subtask: asked first, then sent, then told.

import { at, call, idempotency, post } from "./api.js";
import { ask, toast } from "./dialog.js";
import { h } from "./dom.js";
import { go, link } from "./router.js";

const field = (name, label, attributes = {}) => ({
  label,
  element: h("input", { name, autocomplete: "off", ...attributes }),
});
const select = (name, label, options) => ({
  label,
  element: h(
    "select",
    { name },
    options.map(([value, text]) => h("option", { value }, text)),
  ),
});

/** By verb: what is asked, and what is sent. */
const TASK = {
  pause: {
    title: "Pause this task?",
    text: "Nothing new of it starts until it is resumed, also after a restart.",
    action: "Pause",
    fields: () => [
      select("mode", "What runs now", [
        ["drain", "runs to its end"],
        ["now", "is stopped and put back"],
      ]),
    ],
    body: ({ mode }) => ({ mode }),
  },
  resume: { title: "Resume this task?", text: "It goes on from where it stands.", action: "Resume" },
  cancel: {
    title: "Cancel this task?",
    text: "What runs is stopped, what waits never starts. It cannot be resumed, only run again.",
    action: "Cancel the task",
    danger: true,
  },
};

const SUBTASK = {
  retry: {
    title: "Run this subtask once more?",
    text: "What was blocked or skipped because of it is open again.",
    action: "Retry",
  },
  skip: {
    title: "Skip this subtask?",
    text: "What depends on it is skipped in turn, unless it is optional.",
    action: "Skip it",
    danger: true,
  },
  approve: {
    title: "Let this subtask run?",
    action: "Approve",
    fields: () => [field("comment", "Comment", { maxlength: 1000 })],
    body: ({ comment }) => ({ comment }),
  },
  reject: {
    title: "Reject this subtask?",
    text: "It fails with the category permission.",
    action: "Reject",
    danger: true,
    fields: () => [field("comment", "Why", { maxlength: 1000 })],
    body: ({ comment }) => ({ comment }),
  },
};

/** A button for each verb that is legal now. */
export function taskButtons(task, verbs, done) {
  const acts = { rerun: () => rerun(task, done), delete: () => remove(task) };
  return verbs.map((verb) =>
    button(verb, TASK[verb], acts[verb] ?? (() => act(TASK[verb], at("tasks", task.id, verb), done))),
  );
}

export function subtaskButtons(task, key, verbs, done) {
  return verbs.map((verb) =>
    button(verb, SUBTASK[verb], () => act(SUBTASK[verb], at("tasks", task.id, "subtasks", key, verb), done)),
  );
}

/** A button that runs a final task again from one of its subtasks. */
export const rerunFrom = (task, key, done) => button("rerun", null, () => again(task, key, done), "Rerun from here");

function button(verb, asked, click, text = null) {
  const name = text ?? verb[0].toUpperCase() + verb.slice(1);
  return h(
    asked?.danger || verb === "delete" ? "button.quiet-danger" : "button",
    { type: "button", data: { verb }, on: { click } },
    `${name} …`,
  );
}

async function act(asked, address, done) {
  const said = await ask({ ...asked, fields: asked.fields?.() });
  if (!said) return;
  try {
    const answer = await post(address, asked.body?.(said) ?? {});
    if (answer.detail) toast(answer.detail);
  } catch (error) {
    toast(error.message, { problem: true });
  }
  await done();
}

async function rerun(task, done) {
  const from = [
    ["failed", "what did not complete, and all that depends on it"],
    ["start", "everything"],
  ];
  const said = await ask({
    title: "Run this task again?",
    text: "A new task is made; what is completed and not called into question is kept.",
    action: "Run again",
    fields: [select("from", "Run", task.status === "completed" ? from.reverse() : from)],
  });
  if (said) await send(task, said.from, done);
}

async function again(task, key, done) {
  const said = await ask({
    title: `Run again from ${key}?`,
    text: "A new task is made, in which this subtask and all that depends on it run anew; the rest is kept.",
    action: "Run again",
  });
  if (said) await send(task, key, done);
}

async function send(task, from, done) {
  try {
    const made = await post(at("tasks", task.id, "rerun"), { from }, { headers: idempotency() });
    go(["tasks", made.task_id]);
  } catch (error) {
    toast(error.message, { problem: true });
    await done();
  }
}

async function remove(task) {
  const said = await ask({
    title: "Delete this task?",
    text: "The task, its subtasks, attempts and events are removed for good.",
    action: "Delete it",
    danger: true,
  });
  if (!said) return;
  try {
    await call("DELETE", at("tasks", task.id));
    location.hash = link(["tasks"]);
  } catch (error) {
    toast(error.message, { problem: true });
  }
}
