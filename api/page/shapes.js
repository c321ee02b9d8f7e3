// From cells to pixels: outlines and edges of a laid out graph as path data.

export const CELL = { width: 236, height: 46 };
export const NODE = { width: 188, height: 32 };
const STRIPS = 40;
const FAN = 250;
const STRAIGHT_ABOVE = 4000; // edges; curves of so many cannot be told apart, and cost most of a frame

export const middle = (item) => ({ x: item.x * CELL.width, y: item.y * CELL.height });

/** The rectangle that everything of a layout lies in. */
export function extent({ width, height }) {
  return {
    x: -CELL.width / 2,
    y: -CELL.height / 2,
    width: Math.max(1, width) * CELL.width,
    height: Math.max(1, height) * CELL.height,
  };
}

const box = ({ x, y }) => `M${x - NODE.width / 2} ${y - NODE.height / 2}h${NODE.width}v${NODE.height}h${-NODE.width}z`;

/** By state, the outlines of these items as one path. */
export function outlines(items) {
  const found = {};
  for (const item of items) (found[item.state] ??= []).push(box(middle(item)));
  return Object.fromEntries(Object.entries(found).map(([state, parts]) => [state, parts.join("")]));
}

/** Which strip of a wide drawing a column lies in: a browser then draws the strips in sight and no others. */
export const strip = (x, layout) => Math.floor(x / Math.max(1, Math.ceil(layout.width / STRIPS)));

/** The ways of edges as one path for each strip. */
export function ways(edges, itemOf, layout, chosen = null) {
  const bends = new Map(layout.bends.map(({ edge, through }) => [edge, through]));
  const straight = edges.length > STRAIGHT_ABOVE && !chosen;
  const drawn = chosen ?? thinned(edges);
  const strips = [];
  edges.forEach(([from, to], number) => {
    if (!drawn(from, to)) return;
    const [start, end] = [middle(itemOf(from)), middle(itemOf(to))];
    const parts = (strips[strip(itemOf(from).x, layout)] ??= []);
    start.x += NODE.width / 2;
    end.x -= NODE.width / 2;
    if (straight) parts.push(`M${start.x} ${start.y}L${end.x} ${end.y}`);
    else parts.push(`M${start.x} ${start.y}${way(start, end, bends.get(number))}`);
  });
  return strips.filter(Boolean).map((parts) => parts.join(""));
}

/** Of what has hundreds of edges on one side so many are drawn: more of them look the same and take seconds. */
function thinned(edges) {
  const degrees = [new Map(), new Map()];
  for (const ends of edges) ends.forEach((name, side) => degrees[side].set(name, (degrees[side].get(name) ?? 0) + 1));
  const seen = [new Map(), new Map()];
  return (...ends) =>
    ends.every((name, side) => {
      const step = Math.ceil(degrees[side].get(name) / FAN);
      const place = seen[side].get(name) ?? 0;
      seen[side].set(name, place + 1);
      return place % step === 0;
    });
}

function way(start, end, through = []) {
  const parts = [];
  let at = start;
  for (const [column, row] of through) {
    const [x, y] = [column * CELL.width, row * CELL.height];
    parts.push(curve(at, { x: x - NODE.width / 2, y }), `H${x + NODE.width / 2}`);
    at = { x: x + NODE.width / 2, y };
  }
  return parts.join("") + curve(at, end);
}

function curve(from, to) {
  if (from.y === to.y) return `L${to.x} ${to.y}`;
  const half = (from.x + to.x) / 2;
  return `C${half} ${from.y} ${half} ${to.y} ${to.x} ${to.y}`;
}

/** Finds items by place: columns from the left, in each from the top. */
export class Places {
  constructor(items) {
    this.columns = new Map();
    this.last = items.reduce((most, { x }) => Math.max(most, x), -1);
    for (const item of items) {
      const column = this.columns.get(item.x) ?? [];
      this.columns.set(item.x, column);
      column.push(item);
    }
    for (const column of this.columns.values()) column.sort((one, other) => one.y - other.y);
  }

  /** The items in a rectangle in pixels; null when there are more than so many. */
  within({ left, top, right, bottom }, most) {
    const found = [];
    const last = Math.min(this.last, Math.floor((right + NODE.width / 2) / CELL.width));
    for (let x = Math.max(0, Math.ceil((left - NODE.width / 2) / CELL.width)); x <= last; x += 1) {
      const column = this.columns.get(x) ?? [];
      for (let row = lower(column, (top - NODE.height) / CELL.height); row < column.length; row += 1) {
        if (column[row].y * CELL.height - NODE.height > bottom) break;
        found.push(column[row]);
        if (found.length > most) return null;
      }
    }
    return found;
  }

  /** The item at a place in pixels, or the nearest within a tolerance. */
  at(x, y, tolerance = 0) {
    const near = this.within(
      { left: x - tolerance, top: y - tolerance, right: x + tolerance, bottom: y + tolerance },
      400,
    );
    const away = (item) =>
      Math.max(0, Math.abs(middle(item).x - x) - NODE.width / 2) +
      Math.max(0, Math.abs(middle(item).y - y) - NODE.height / 2);
    const nearest = (near ?? []).sort((one, other) => away(one) - away(other))[0];
    return nearest && away(nearest) <= 2 * tolerance ? nearest : null;
  }
}

function lower(column, y) {
  let [low, high] = [0, column.length];
  while (low < high) {
    const half = (low + high) >> 1;
    if (column[half].y < y) low = half + 1;
    else high = half;
  }
  return low;
}
