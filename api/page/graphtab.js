// The graph of a task with what moves it: zoom, folding, finding, the keyboard, and what the colours mean.

import { h, put } from "./dom.js";
import { number } from "./format.js";
import { Graph } from "./graph.js";
import { IN_ORDER, icon, words } from "./states.js";

const PAN = 80;
const FOUND = 40;
const FOLDABLE = 12;

export class GraphTab {
  constructor(body, model, told) {
    this.model = model;
    this.told = told;
    this.legend = h("ul.legend", { "aria-label": "States" });
    this.choices = h("datalist", { id: "keys" });
    this.search = h("input", {
      type: "search",
      placeholder: "Find a subtask",
      "aria-label": "Find a subtask in the graph",
      list: "keys",
      autocomplete: "off",
      on: { input: () => this.suggest(), change: () => this.find() },
    });
    this.fold = h("button.small", { type: "button", on: { click: () => this.foldAll() } });
    this.box = h("div.graph", {
      tabindex: "0",
      role: "listbox",
      "aria-label":
        "Graph of the subtasks. Arrow keys go from one to the next, Enter opens one, plus and minus zoom, 0 shows all. The tab Subtasks lists them as a table.",
      on: { keydown: (event) => this.key(event) },
    });
    const button = (label, text, click) =>
      h("button.small", { type: "button", "aria-label": label, title: label, on: { click } }, text);
    const zoom = h(
      "div.zoom",
      {},
      button("Zoom in", "+", () => this.graph.zoom(1.4)),
      button("Zoom out", "−", () => this.graph.zoom(1 / 1.4)),
      button("Show all", "Fit", () => this.graph.fit()),
    );
    put(
      body,
      h(
        "div.fill",
        {},
        h("div.toolbar", {}, this.search, this.choices, this.legend, this.fold),
        h("div.graph-frame", {}, this.box, zoom),
      ),
    );
    this.graph = new Graph(this.box, { chosen: (item) => this.chosen(item) });
    this.redrawn();
  }

  redrawn() {
    this.graph.show(this.model);
    this.count();
    if (this.at) this.selected(this.at);
  }

  updated(items) {
    this.graph.update(items);
    this.count();
  }

  count() {
    const counts = this.model.counts;
    const there = IN_ORDER.filter((state) => counts[state]);
    put(
      this.legend,
      there.map((state) =>
        h("li", { data: { state } }, icon(state), `${words(state)} `, h("b", {}, number(counts[state]))),
      ),
    );
    const { folds, subtasks } = this.model;
    this.fold.hidden = !folds && subtasks.size < FOLDABLE;
    const open = this.model.open.size ? "Fold again" : `Unfold all ${number(subtasks.size)}`;
    const text = folds ? open : "Fold like ones";
    if (this.fold.textContent !== text) this.fold.textContent = text;
  }

  /** A click on a group unfolds it; on a subtask opens it. */
  chosen(item) {
    this.box.focus({ preventScroll: true });
    this.graph.select(item);
    if (item && item.count > 1) this.unfold(item);
    else this.told.chosen(item?.name ?? null);
  }

  unfold(item) {
    this.model.open.add(item.name);
    this.reload(item.keys[0]);
  }

  foldAll() {
    const { model } = this;
    if (model.folds && model.open.size) model.open.clear();
    else {
      model.folded = !model.folds;
      model.open.clear();
    }
    this.graph.fresh = true;
    this.reload(null);
  }

  async reload(key) {
    this.box.setAttribute("aria-busy", "true");
    await this.model.loadGraph(this.told.signal);
    this.box.removeAttribute("aria-busy");
    const item = key && this.model.subtasks.get(key)?.item;
    if (item) this.graph.find(item);
  }

  selected(key) {
    this.at = key;
    const item = key ? this.model.subtasks.get(key)?.item : null;
    if (!item) this.graph.select(null);
    else if (this.graph.selected?.name !== item.name) this.graph.find(item);
  }

  suggest() {
    const text = this.search.value.trim().toLowerCase();
    const found = [];
    if (text) {
      for (const key of this.model.subtasks.keys()) {
        if (key.toLowerCase().includes(text) && found.push(key) >= FOUND) break;
      }
    }
    put(
      this.choices,
      found.map((key) => h("option", { value: key })),
    );
  }

  find() {
    const text = this.search.value.trim().toLowerCase();
    if (!text) return;
    const keys = [...this.model.subtasks.keys()];
    const key = keys.find((one) => one.toLowerCase() === text) ?? keys.find((one) => one.toLowerCase().includes(text));
    this.search.setCustomValidity(key ? "" : "No subtask has such a key");
    this.search.reportValidity();
    if (key) this.told.chosen(key);
  }

  key(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target !== this.box) return;
    const { view } = this.graph;
    const arrow = /^Arrow(Up|Down|Left|Right)$/.exec(event.key)?.[1].toLowerCase();
    const pan = { up: [0, PAN], down: [0, -PAN], left: [PAN, 0], right: [-PAN, 0] }[arrow];
    if (pan && event.shiftKey) view.by(...pan);
    else if (arrow) this.graph.find(this.graph.beside(arrow));
    else if (event.key === "+" || event.key === "=") this.graph.zoom(1.4);
    else if (event.key === "-") this.graph.zoom(1 / 1.4);
    else if (event.key === "0") this.graph.fit();
    else if (event.key === "Enter" && this.graph.selected) this.chosen(this.graph.selected);
    else return;
    event.preventDefault();
  }

  close() {
    this.graph.close();
  }
}
