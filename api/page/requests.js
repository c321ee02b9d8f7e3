// What a person is asked: what will run, with which input, why, what waits for it, who may decide and until when.

import { h } from "./dom.js";
import { when } from "./format.js";
import { jsonView } from "./json.js";
import { facts } from "./table.js";

const EXPIRY = { reject: "then it is rejected", approve: "then it is approved", wait: "and it waits on" };

/** The request as a person judges it; what was decided is left to the history. */
export function request(asked) {
  return h(
    "div.request",
    {},
    h(
      "ul",
      {},
      asked.why.map((reason) => h("li", {}, reason.words)),
    ),
    facts([
      ["Runs", asked.type],
      ["From outside", asked.tainted_by.length > 0 && asked.tainted_by.join(", ")],
      ["Behind it", asked.behind.count > 0 && behind(asked.behind)],
      ["Who decides", asked.approvers.join(", ") || "everybody"],
      ["Asked", when(asked.asked_at)],
      ["Until", asked.until && `${asked.until}, ${EXPIRY[asked.on_expiry]}`],
    ]),
    asked.input_hash &&
      h(
        "details",
        { open: true },
        h("summary", {}, asked.input_cut ? `Input (${asked.input_bytes} bytes, cut here)` : "Input"),
        jsonView(asked.input, `Input of ${asked.key}`),
      ),
  );
}

function behind({ count, keys, more }) {
  return `${more ? "at least " : ""}${count}, such as ${keys.join(", ")}`;
}
