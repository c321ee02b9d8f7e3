// Draws a laid out graph as SVG. From afar all items of a state are one path in each strip of the drawing; near by, the
// items in sight are elements with shape, name and number. The edges of a strip are one path. So ten thousand subtasks
// are some hundred elements, of which the browser draws those in sight.

import { put, s } from "./dom.js";
import { duration, number, shortened } from "./format.js";
import { PanZoom } from "./panzoom.js";
import { NODE, Places, extent, middle, outlines, strip, ways } from "./shapes.js";
import { IN_ORDER, SETTLED, shapes, words } from "./states.js";

const NEAR_ITEMS = 700;
const LABELS_FROM = 0.42;
const READABLE = 0.8;
const NARROW = 500;
const EDGE = 16;
const SETTLED_MS = 160;
const LEAST_STRETCH = 0.55;
const MOST_STRETCH = 2;
const LETTERS = 20;
const LEFT = -NODE.width / 2;
const TOP = -NODE.height / 2;

export class Graph {
  /** @param {Element} box drawn into; @param {{chosen}} told chosen(item) when one is opened */
  constructor(box, told) {
    this.box = box;
    this.told = told;
    this.items = [];
    this.near = new Map();
    this.selected = null;
    this.edges = s("g.edges");
    this.critical = s("g.edges.critical");
    this.tied = s("g.edges.tied");
    this.far = s("g.far-items");
    this.details = s("g.items");
    this.world = s("g", {}, this.edges, this.critical, this.tied, this.far, this.details);
    this.svg = s("svg", { "aria-hidden": "false" }, this.world);
    this.strips = [];
    this.scale = 1;
    box.append(this.svg);
    this.view = new PanZoom(box, { changed: () => this.draw(), clicked: (place) => this.click(place) });
    this.resize = new ResizeObserver(() => (this.fresh && this.items.length ? this.begin() : this.draw()));
    this.resize.observe(box);
    this.fresh = true;
  }

  /** Shows another graph, from where the reader stands unless it is the first one. */
  show({ items, edges, path, layout }) {
    this.items = items;
    this.byName = new Map(items.map((item) => [item.name, item]));
    this.links = edges;
    this.layout = layout;
    this.places = new Places(items);
    const item = (name) => this.byName.get(name);
    const next = new Map(path.map((name, place) => [name, path[place + 1]]));
    put(this.edges, paths(ways(edges, item, layout)));
    put(this.critical, paths(ways(edges, item, layout, (from, to) => next.get(from) === to)));
    this.cut();
    this.near.clear();
    this.details.replaceChildren();
    if (this.fresh) this.begin();
    this.select(this.selected);
    this.draw();
  }

  /** Draws what has changed of these items. */
  update(items) {
    for (const item of items) {
      this.strips[strip(item.x, this.layout)].stale = true;
      if (this.near.has(item.name)) this.detail(item, this.near.get(item.name));
    }
    if (this.isFar) this.outline();
  }

  /** The strips of the drawing, none of them drawn yet. */
  cut() {
    this.strips = [];
    for (const item of this.items) {
      const place = strip(item.x, this.layout);
      (this.strips[place] ??= { items: [], element: s("g"), stale: true }).items.push(item);
    }
    put(
      this.far,
      this.strips.map(({ element }) => element),
    );
  }

  /** Outlines of all items, by state, of those strips that have changed. */
  outline() {
    for (const one of this.strips) {
      if (!one.stale) continue;
      one.stale = false;
      put(
        one.element,
        Object.entries(outlines(one.items)).map(([state, d]) => s("path", { d, data: { state } })),
      );
    }
  }

  /** The first view: everything; where nothing could be read then, the first part of it that is not done. */
  begin() {
    this.fit();
    const least = this.box.clientWidth < NARROW ? READABLE : LABELS_FROM;
    if (this.view.k >= least || this.items.length > NEAR_ITEMS || !this.box.clientWidth) return;
    const open = this.items.filter((item) => !SETTLED.has(item.state));
    const { x, y } = middle((open.length ? open : this.items).reduce((one, other) => (other.x < one.x ? other : one)));
    const { clientWidth: width, clientHeight: height } = this.box;
    const whole = extent(this.layout);
    const k = READABLE;
    const top = whole.height * k <= height ? (height - whole.height * k) / 2 - whole.y * k : height / 2 - y * k;
    this.view.to(Math.max(EDGE + (NODE.width / 2) * k, Math.min(width / 3, (x - whole.x) * k)) - x * k, top, k);
  }

  fit() {
    if (this.box.clientWidth) this.view.fit(extent(this.layout));
  }

  zoom(factor) {
    this.fresh = false;
    this.view.zoom(factor);
  }

  draw() {
    const { x, y, k } = this.view;
    const stretched = k / this.scale;
    if (stretched < LEAST_STRETCH || stretched > MOST_STRETCH) this.sharpen();
    else if (stretched !== 1) {
      clearTimeout(this.settling);
      this.settling = setTimeout(() => (this.sharpen(), this.draw()), SETTLED_MS);
    }
    this.svg.style.transform = `translate(${x}px, ${y}px) scale(${k / this.scale})`;
    const seen = this.places?.within(this.view.window, NEAR_ITEMS) ?? null;
    this.isFar = seen === null;
    if (this.isFar) this.outline();
    this.box.classList.toggle("far", this.isFar);
    this.box.classList.toggle("unlabelled", k < LABELS_FROM);
    if (seen) this.look(seen);
  }

  /** Draws anew in the present size what was only stretched while it was zoomed: that costs far more than a frame. */
  sharpen() {
    clearTimeout(this.settling);
    if (this.scale !== this.view.k) this.world.setAttribute("transform", `scale(${(this.scale = this.view.k)})`);
  }

  /** Has elements for the items in sight, and for no others. */
  look(seen) {
    const wanted = new Set(seen.map((item) => item.name));
    for (const [name, element] of this.near) {
      if (wanted.has(name)) continue;
      element.remove();
      this.near.delete(name);
    }
    const fresh = seen.filter((item) => !this.near.has(item.name));
    this.details.append(
      ...fresh.map((item) => {
        const element = s("g.item", { role: "option", id: idOf(item.name), data: { key: item.name } });
        element.setAttribute("transform", `translate(${middle(item).x} ${middle(item).y})`);
        this.near.set(item.name, element);
        this.detail(item, element);
        return element;
      }),
    );
  }

  detail(item, element) {
    element.dataset.state = item.state;
    element.classList.toggle("on-path", item.critical);
    this.mark(item);
    element.setAttribute("aria-label", told(item));
    const group = item.count > 1;
    put(
      element,
      s("title", {}, told(item)),
      group && s("rect.behind", { x: LEFT + 4, y: TOP - 4, width: NODE.width, height: NODE.height, rx: 6 }),
      s("rect.box", { x: LEFT, y: TOP, width: NODE.width, height: NODE.height, rx: 6 }),
      s("g.shape", { transform: `translate(${LEFT + 9} -8)` }, shapes(item.state)),
      s("text.name", { x: LEFT + 31, y: 4 }, shortened(item.name, group ? LETTERS - 6 : LETTERS)),
      group && s("text.number", { x: -LEFT - 8, y: 4 }, `× ${number(item.count)}`),
      group && shares(item),
    );
  }

  select(item) {
    const before = this.selected;
    this.selected = item ? (this.byName?.get(item.name) ?? null) : null;
    const name = this.selected?.name;
    for (const one of [before, this.selected]) this.mark(one);
    const tied = (from, to) => from === name || to === name;
    put(this.tied, name ? paths(ways(this.links, (key) => this.byName.get(key), this.layout, tied)) : null);
    if (name) this.box.setAttribute("aria-activedescendant", idOf(name));
    else this.box.removeAttribute("aria-activedescendant");
  }

  mark(item) {
    const element = item && this.near.get(item.name);
    element?.classList.toggle("selected", item.name === this.selected?.name);
    element?.setAttribute("aria-selected", item.name === this.selected?.name);
  }

  /** Selects an item and brings it into sight. */
  find(item) {
    this.fresh = false;
    this.select(item);
    if (!this.selected) return;
    const { x, y } = middle(this.selected);
    if (this.view.k < LABELS_FROM) this.view.to(this.box.clientWidth / 2 - x, this.box.clientHeight / 2 - y, 1);
    else this.view.show(x, y);
  }

  click({ x, y }) {
    const { x: left, y: top, k } = this.view;
    const item = this.places?.at((x - left) / k, (y - top) / k, this.isFar ? 4 / k : 0);
    this.fresh = false;
    this.told.chosen(item);
  }

  /** The item next to the selected one: along an edge, or in its column. */
  beside(direction) {
    const from = this.selected;
    if (!from) return this.items[0];
    if (direction === "up" || direction === "down") {
      const column = this.places.columns.get(from.x);
      return column[column.indexOf(from) + (direction === "up" ? -1 : 1)] ?? from;
    }
    const side = direction === "left" ? 1 : 0;
    const tied = this.links.filter((edge) => edge[side] === from.name).map((edge) => this.byName.get(edge[1 - side]));
    return tied.sort((one, other) => Math.abs(one.y - from.y) - Math.abs(other.y - from.y))[0] ?? from;
  }

  close() {
    clearTimeout(this.settling);
    this.resize.disconnect();
    this.view.close();
  }
}

const paths = (drawn) => drawn.map((d) => s("path", { d }));

const idOf = (name) => `item-${encodeURIComponent(name)}`;

function told(item) {
  if (item.count === 1) {
    const took = item.seconds ? `, ${duration(item.seconds)}` : "";
    return `${item.name}, ${words(item.state)}, ${item.type}${took}${item.critical ? ", on the critical path" : ""}`;
  }
  const states = IN_ORDER.filter((state) => item.counts[state]).map(
    (state) => `${number(item.counts[state])} ${words(state)}`,
  );
  return `${item.name}, ${number(item.count)} subtasks of type ${item.type}: ${states.join(", ")}`;
}

/** How many of a group are in which state, as a thin bar. */
function shares(item) {
  let from = LEFT + 1;
  return IN_ORDER.filter((state) => item.counts[state]).map((state) => {
    const width = ((NODE.width - 2) * item.counts[state]) / item.count;
    const part = s("rect.share", { x: from, y: -TOP - 4, width, height: 3, data: { state } });
    from += width;
    return part;
  });
}
