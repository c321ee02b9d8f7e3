// What waits for a person in all tasks, and the two answers to it.

import { get } from "../api.js";
import { into, loading } from "../dialog.js";
import { h, put } from "../dom.js";
import { request } from "../requests.js";
import { link } from "../router.js";
import { pageHead } from "../table.js";
import { subtaskButtons } from "../verbs.js";

const MOST = 200;

export function open(main) {
  const again = h("button", { type: "button", on: { click: () => load() } }, "Look again");
  const body = h("div", {}, loading("what waits"));
  put(main, pageHead("Approvals", again), body);

  function load() {
    return into(
      body,
      () => get(`/approvals?limit=${MOST}`),
      ({ approvals, next_cursor: more }) =>
        approvals.length > 0
          ? h(
              "div.tool-list",
              {},
              approvals.map((asked) => card(asked, load)),
              more && h("p.muted", {}, `These are the first ${MOST}; decide on some of them to see the rest.`),
            )
          : h("p.muted", {}, "Nothing waits for a person."),
    );
  }

  load();
  return {};
}

function card(asked, done) {
  return h(
    "article.card",
    {},
    h("h2.mono", {}, h("a", { href: link(["tasks", asked.task_id, asked.key]) }, asked.key)),
    h("p.muted.mono", {}, asked.task_id),
    request(asked),
    h(
      "div.actions",
      { role: "group", "aria-label": `Decide on ${asked.key}` },
      subtaskButtons({ id: asked.task_id }, asked.key, ["approve", "reject"], done),
    ),
  );
}
