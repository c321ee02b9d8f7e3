// The outputs that are kept to be used again: how they do, and to forget some.

import { get, post } from "../api.js";
import { ask, into, loading, toast } from "../dialog.js";
import { h, put } from "../dom.js";
import { bytes, count, duration, number, percent } from "../format.js";
import { figures, pageHead, section } from "../table.js";

export function open(main) {
  const body = h("div", {}, loading("the cache"));
  const input = (name, label) => h("label.field", {}, h("span", {}, label), h("input", { name, autocomplete: "off" }));
  const form = h(
    "form.inline-form",
    { on: { submit: (event) => (event.preventDefault(), forget(form, load)) } },
    input("type", "Type"),
    input("version", "Version of the type"),
    input("tag", "Tag of the task"),
    input("key", "Key"),
    h("button", { type: "submit" }, "Forget …"),
  );
  const load = () =>
    into(
      body,
      () => get("/cache/stats"),
      (found) =>
        h(
          "div",
          {},
          !found.available && h("p.note", {}, "Redis does not answer, so nothing is looked up at the moment."),
          figures([
            ["Hit rate", percent(found.hit_rate)],
            ["Hits", number(found.hits)],
            ["Misses", number(found.misses)],
            ["Saved", duration(found.saved_seconds)],
            ["Entries", number(found.entries)],
            ["Size", bytes(found.bytes)],
            ["Errors", number(found.errors)],
          ]),
        ),
    );
  put(
    main,
    pageHead("Cache", h("button.small", { type: "button", on: { click: load } }, "Refresh")),
    body,
    section(
      "Forget entries",
      h("p.muted", {}, "By the key of one, or all of a type, of a version of it, or of a tag."),
      form,
    ),
  );
  load();
  return {};
}

async function forget(form, load) {
  const wanted = Object.fromEntries([...new FormData(form)].filter(([, value]) => value.trim()));
  const words = Object.entries(wanted)
    .map(([name, value]) => `${name} ${value}`)
    .join(", ");
  if (!words) return toast("Say which entries: a type, a tag or a key.", { problem: true });
  if (!(await ask({ title: "Forget these entries?", text: words, action: "Forget", danger: true }))) return null;
  try {
    const { removed } = await post("/cache/invalidate", wanted);
    toast(`${count(removed, "entry").replace("entrys", "entries")} forgotten`);
    form.reset();
    load();
  } catch (error) {
    toast([error.message, ...(error.faults ?? []).map((fault) => fault.detail)].join(" "), { problem: true });
  }
  return null;
}
