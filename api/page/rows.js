// A list of any length that has elements only for what is in sight.

import { h } from "./dom.js";

const AROUND = 6;

export class Rows {
  /**
   * @param {Element} box scrolls
   * @param {number} height of a row in pixels
   * @param {(index: number) => Element} made
   * @param {(first: number, last: number) => void} before is told which rows are about to be made
   */
  constructor(box, height, made, before = () => null) {
    this.box = box;
    this.height = height;
    this.made = made;
    this.before = before;
    this.count = 0;
    this.frame = 0;
    this.inner = h("div.rows", { role: "rowgroup" });
    box.append(this.inner);
    box.addEventListener("scroll", () => this.soon(), { passive: true });
    this.resize = new ResizeObserver(() => this.soon());
    this.resize.observe(box);
  }

  /** Says how many rows there are; with `above` new ones before the first, what is looked at stays where it is. */
  show(count, above = 0) {
    this.count = count;
    this.inner.style.height = `${count * this.height}px`;
    if (above && this.box.scrollTop > this.height) this.box.scrollTop += above * this.height;
    this.soon();
  }

  get atEnd() {
    return this.box.scrollTop + this.box.clientHeight >= this.inner.offsetHeight - this.height;
  }

  toEnd() {
    this.box.scrollTop = this.inner.offsetHeight;
  }

  soon() {
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.draw();
    });
  }

  draw() {
    const first = Math.max(0, Math.floor(this.box.scrollTop / this.height) - AROUND);
    const last = Math.min(this.count, Math.ceil((this.box.scrollTop + this.box.clientHeight) / this.height) + AROUND);
    const focused = this.inner.contains(document.activeElement) ? document.activeElement.dataset.row : null;
    this.before(first, last);
    const rows = [];
    for (let index = first; index < last; index += 1) {
      const row = this.made(index);
      row.style.top = `${index * this.height}px`;
      row.setAttribute("aria-rowindex", index + 1);
      rows.push(row);
    }
    this.inner.replaceChildren(...rows);
    if (focused) this.inner.querySelector(`[data-row="${CSS.escape(focused)}"]`)?.focus({ preventScroll: true });
  }

  close() {
    cancelAnimationFrame(this.frame);
    this.resize.disconnect();
  }
}
