// The types that a subtask may have: what each takes, and how it has done.

import { get, post } from "../api.js";
import { into, loading } from "../dialog.js";
import { h, put } from "../dom.js";
import { duration, number, percent } from "../format.js";
import { jsonView } from "../json.js";
import { facts, pageHead } from "../table.js";

export function open(main) {
  const search = h("input", {
    type: "search",
    placeholder: "Search name or description",
    "aria-label": "Search tools",
    on: { input: () => filter() },
  });
  const body = h("div", {}, loading("the tools"));
  put(main, pageHead("Tools", search), body);
  let rows = [];

  function filter() {
    const text = search.value.trim().toLowerCase();
    for (const { element, said } of rows) element.hidden = !said.includes(text);
  }

  into(
    body,
    () => get("/tools"),
    ({ tools }) => {
      rows = tools.map((tool) => ({ element: drawn(tool), said: `${tool.name} ${tool.description}`.toLowerCase() }));
      return h(
        "div.tool-list",
        {},
        rows.map(({ element }) => element),
      );
    },
  );
  return {};
}

function drawn(tool) {
  const { profile } = tool;
  const marks = [
    tool.deterministic && "deterministic",
    tool.idempotent && "idempotent",
    tool.expands && "expands",
  ].filter(Boolean);
  const schema = h("details", {}, h("summary", {}, "Input"));
  schema.addEventListener(
    "toggle",
    () => schema.childElementCount > 1 || schema.append(jsonView(tool.input_schema, `Input of ${tool.name}`)),
  );
  return h(
    "article.card.tool",
    { id: `tool-${tool.name}` },
    h("h2.mono", {}, tool.name, h("span.muted", {}, ` ${tool.version}`)),
    h("p", {}, prose(tool.description)),
    h(
      "p",
      {},
      marks.map((mark) => h("span.tag", {}, mark)),
    ),
    facts([
      ["Running", tool.running ? `${number(tool.running)}${tool.limit ? ` of ${tool.limit}` : ""}` : null],
      ["Cannot work", tool.health.ok === false ? tool.health.detail : null],
      ["Limit", tool.limit && !tool.running ? number(tool.limit) : null],
      ["Attempts", profile && number(profile.attempts)],
      ["Failed", profile && profile.failures ? percent(profile.failure_rate) : null],
      [
        "Usually",
        profile && profile.median !== null
          ? `${duration(profile.median)} (${duration(profile.p10)} to ${duration(profile.p90)})`
          : null,
      ],
      ["Rate", tool.rate],
      ["Slower than before", profile?.regressed ? "yes" : null],
    ]),
    tool.breakers.map(broken),
    schema,
  );
}

/** A breaker that is open, and how to close it. */
function broken(breaker) {
  const note = h(
    "p.note.bad",
    {},
    `${breaker.key} is ${breaker.state === "open" ? "not called" : "tried by one call"}: ${breaker.reason}. `,
    h(
      "button",
      {
        type: "button",
        on: {
          click: async () => {
            await post(`/tools/${encodeURIComponent(breaker.tool)}/reset`, { endpoint: breaker.endpoint });
            note.remove();
          },
        },
      },
      "Reset",
    ),
  );
  return note;
}

/** A description whose parts in backticks are code. */
const prose = (text) => text.split(/``?([^`]+)``?/).map((part, place) => (place % 2 ? h("code", {}, part) : part));
