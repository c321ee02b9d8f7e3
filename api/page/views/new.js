// A new task: a sentence, a type, or a plan. What would become of it is shown before it runs.

import { get, idempotency, post } from "../api.js";
import { toast } from "../dialog.js";
import { announce, h, put } from "../dom.js";
import { go } from "../router.js";
import { faultsOf, previewOf } from "../preview.js";
import { pageHead } from "../table.js";

const SENTENCE = "Calculate factorial of 10";
const TYPED = {
  input: '{"data": [{"city": "Bern", "amount": 12}, {"city": "Genf", "amount": 7}]}',
  parameters: '{"filter": "amount > 5"}',
};
const PLAN = `name: word count
plan:
  subtasks:
    - key: words
      type: noop
      input: [one, two, three]
    - key: count
      type: python
      input: {code: "result = len(words)", inputs: {words: "{{subtasks.words.output}}"}}
`;
const FORMS = { sentence: "Sentence", typed: "Type", plan: "Plan" };

export function open(main, place) {
  const view = new NewTask(main);
  view.moved(place);
  return view;
}

class NewTask {
  constructor(main) {
    this.fields = {
      description: area("description", SENTENCE, 3),
      type: h("input", { name: "type", list: "types", placeholder: "data_processing", autocomplete: "off" }),
      input: area("input", TYPED.input, 6),
      parameters: area("parameters", TYPED.parameters, 4),
      plan: area("plan", PLAN, 18),
      name: h("input", { name: "name", maxlength: 200 }),
      tags: h("input", { name: "tags", placeholder: "nightly, report" }),
      user_id: h("input", { name: "user_id" }),
      priority: h("input", { name: "priority", type: "number", min: 0, max: 10, placeholder: "5" }),
      failure_policy: h(
        "select",
        { name: "failure_policy" },
        ["", "continue", "fail_fast"].map((value) => h("option", { value }, value || "as it is set")),
      ),
    };
    const field = (name, label) => h("label.field", { data: { field: name } }, h("span", {}, label), this.fields[name]);
    this.types = h("datalist", { id: "types" });
    this.choice = h(
      "div.segmented",
      { role: "radiogroup", "aria-label": "How the task is given" },
      Object.entries(FORMS).map(([value, label]) =>
        h(
          "label",
          {},
          h("input", {
            type: "radio",
            name: "form",
            value,
            on: { change: () => go(["new"], { form: value }, { replace: true }) },
          }),
          h("span", {}, label),
        ),
      ),
    );
    this.parts = {
      sentence: h(
        "div",
        {},
        field("description", "Sentence"),
        h("p.hint", {}, "Plain English. What the rules do not understand goes to a model, where one is set up."),
      ),
      typed: h(
        "div",
        {},
        field("type", "Type"),
        this.types,
        field("input", "Input"),
        field("parameters", "Parameters"),
      ),
      plan: h("div", {}, field("plan", "Plan"), h("p.hint", {}, "The whole body of a task, as JSON or YAML.")),
    };
    this.options = h(
      "details.options",
      {},
      h("summary", {}, "Options"),
      h(
        "div.grid",
        {},
        field("name", "Name"),
        field("tags", "Tags"),
        field("user_id", "User"),
        field("priority", "Priority"),
        field("failure_policy", "After a failure"),
      ),
    );
    this.faults = h("div", { role: "alert" });
    this.run = h("button.primary", { type: "submit" }, "Run");
    this.look = h("button", { type: "button", on: { click: () => this.preview() } }, "Preview");
    this.form = h(
      "form.new-form",
      { on: { submit: (event) => (event.preventDefault(), this.submit()), input: () => this.stale() } },
      this.choice,
      Object.values(this.parts),
      this.options,
      this.faults,
      h("div.actions", {}, this.run, this.look),
    );
    this.seen = h("div.preview", { role: "region", "aria-label": "Preview" }, this.nothing());
    put(main, pageHead("New task"), h("div.columns", {}, this.form, this.seen));
    this.loadTypes();
  }

  nothing() {
    return h("p.empty", {}, "A preview shows the graph and how long it is expected to take. Nothing is stored.");
  }

  async loadTypes() {
    try {
      const { tools } = await get("/tools");
      put(
        this.types,
        tools.map(({ name }) => h("option", { value: name })),
      );
    } catch {
      // Without the list the type is written by hand.
    }
  }

  moved({ query }) {
    this.chosen = FORMS[query.get("form")] ? query.get("form") : "sentence";
    for (const [name, part] of Object.entries(this.parts)) part.hidden = name !== this.chosen;
    for (const radio of this.choice.querySelectorAll("input")) radio.checked = radio.value === this.chosen;
    this.options.hidden = this.chosen === "plan";
    this.stale();
    return true;
  }

  /** What was shown is no longer what would be sent. */
  stale() {
    this.picture?.close();
    this.picture = null;
    put(this.seen, this.nothing());
    put(this.faults);
    this.form.querySelectorAll("[aria-invalid]").forEach((one) => one.removeAttribute("aria-invalid"));
  }

  /** The text to send and its media type; throws with the field that cannot be read. */
  body() {
    const value = (name) => this.fields[name].value.trim();
    if (this.chosen === "plan") {
      const text = value("plan");
      return { text, type: /^[{[]/.test(text) ? "application/json" : "application/yaml" };
    }
    const options = Object.fromEntries(
      ["name", "user_id", "failure_policy"].map((name) => [name, value(name)]).filter(([, one]) => one),
    );
    if (value("priority")) options.priority = Number(value("priority"));
    if (value("tags"))
      options.tags = value("tags")
        .split(",")
        .map((tag) => tag.trim())
        .filter(Boolean);
    if (this.chosen === "sentence")
      return { text: JSON.stringify({ ...options, description: value("description") }), type: "application/json" };
    const parts = Object.entries({ ...options, type: value("type") }).map(
      ([name, one]) => `${JSON.stringify(name)}: ${JSON.stringify(one)}`,
    );
    for (const name of ["input", "parameters"])
      if (value(name)) parts.push(`"${name}": ${this.json(name, value(name))}`);
    return { text: `{${parts.join(", ")}}`, type: "application/json" };
  }

  /** A JSON text as it stands, so that large numbers stay exact. */
  json(name, text) {
    try {
      JSON.parse(text);
      return text;
    } catch (error) {
      throw Object.assign(new Error("The input has faults"), {
        faults: [{ pointer: `/${name}`, detail: `is no JSON: ${error.message}` }],
      });
    }
  }

  async send(address, headers, made) {
    put(this.faults);
    for (const button of [this.run, this.look]) button.disabled = true;
    try {
      const { text, type } = this.body();
      await made(await post(address, text, { type, headers }));
    } catch (error) {
      put(this.faults, faultsOf(error, this.chosen, this.fields));
      announce(error.message);
    } finally {
      for (const button of [this.run, this.look]) button.disabled = false;
    }
  }

  preview() {
    return this.send("/plans/preview", {}, (seen) => {
      this.picture?.close();
      this.picture = previewOf(seen, this.seen);
    });
  }

  submit() {
    return this.send("/tasks", idempotency(), (made) => {
      toast("The task runs");
      go(["tasks", made.task_id]);
    });
  }

  close() {
    this.picture?.close();
  }
}

const area = (name, placeholder, rows) =>
  h("textarea", { name, placeholder, rows, spellcheck: "false", class: name === "description" ? null : "mono" });
