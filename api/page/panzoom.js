// Moves a drawing under the pointer, two fingers, the wheel and the keyboard. Knows nothing of what is drawn.

const CLICK_PIXELS = 5;
export const LEAST = 0.01;
export const MOST = 2.5;

export class PanZoom {
  /** @param {Element} box what is looked through; @param {{changed, clicked}} told clicked gets box coordinates */
  constructor(box, told) {
    this.box = box;
    this.told = told;
    [this.x, this.y, this.k] = [0, 0, 1];
    this.pointers = new Map();
    this.moved = 0;
    this.frame = 0;
    box.addEventListener("pointerdown", (event) => this.down(event));
    box.addEventListener("pointermove", (event) => this.move(event));
    for (const name of ["pointerup", "pointercancel"]) box.addEventListener(name, (event) => this.up(event));
    box.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
  }

  place(event) {
    const { left, top } = this.box.getBoundingClientRect();
    return { x: event.clientX - left, y: event.clientY - top };
  }

  down(event) {
    if (event.button > 0 || event.target.closest("button, a")) return;
    this.pointers.set(event.pointerId, this.place(event));
    if (this.pointers.size === 1) this.moved = 0;
  }

  move(event) {
    const before = this.pointers.get(event.pointerId);
    if (!before) return;
    const now = this.place(event);
    this.moved += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
    if (this.moved > CLICK_PIXELS && !this.box.hasPointerCapture(event.pointerId)) {
      this.box.setPointerCapture(event.pointerId);
      this.box.classList.add("moving");
    }
    if (this.pointers.size === 2) this.pinch(event.pointerId, before, now);
    else if (this.moved > CLICK_PIXELS) this.by(now.x - before.x, now.y - before.y);
    this.pointers.set(event.pointerId, now);
  }

  pinch(id, before, now) {
    const [, other] = [...this.pointers].find(([one]) => one !== id);
    const apart = (one) => Math.hypot(one.x - other.x, one.y - other.y) || 1;
    this.zoom(apart(now) / apart(before), (now.x + other.x) / 2, (now.y + other.y) / 2);
    this.by((now.x - before.x) / 2, (now.y - before.y) / 2);
  }

  up(event) {
    const known = this.pointers.delete(event.pointerId);
    this.box.classList.remove("moving");
    if (known && event.type === "pointerup" && this.moved <= CLICK_PIXELS && !this.pointers.size) {
      this.told.clicked(this.place(event), event);
    }
  }

  wheel(event) {
    event.preventDefault();
    const unit = event.deltaMode === 1 ? 16 : 1;
    const { x, y } = this.place(event);
    if (event.shiftKey) this.by(-(event.deltaX || event.deltaY) * unit, 0);
    else this.zoom(Math.exp((-event.deltaY * unit) / (event.ctrlKey ? 120 : 500)), x, y);
  }

  by(dx, dy) {
    this.to(this.x + dx, this.y + dy, this.k);
  }

  /** Zooms around a place of the box, its middle unless given. */
  zoom(factor, x = this.box.clientWidth / 2, y = this.box.clientHeight / 2) {
    const k = Math.min(MOST, Math.max(LEAST, this.k * factor));
    this.to(x - ((x - this.x) * k) / this.k, y - ((y - this.y) * k) / this.k, k);
  }

  /** Shows a rectangle of the drawing, as large as it fits, but no larger than life. */
  fit({ x, y, width, height }, margin = 24) {
    const [wide, high] = [this.box.clientWidth - 2 * margin, this.box.clientHeight - 2 * margin];
    const k = Math.min(1, Math.max(LEAST, Math.min(wide / width, high / height)));
    this.to(margin + (wide - width * k) / 2 - x * k, margin + (high - height * k) / 2 - y * k, k);
  }

  /** Brings a place of the drawing into the middle, unless it is in sight already. */
  show(x, y, margin = 60) {
    const [left, top] = [x * this.k + this.x, y * this.k + this.y];
    const inside = (at, size) => at >= margin && at <= size - margin;
    if (inside(left, this.box.clientWidth) && inside(top, this.box.clientHeight)) return;
    this.to(this.box.clientWidth / 2 - x * this.k, this.box.clientHeight / 2 - y * this.k, this.k);
  }

  to(x, y, k) {
    [this.x, this.y, this.k] = [x, y, k];
    this.frame ||= requestAnimationFrame(() => {
      this.frame = 0;
      this.told.changed();
    });
  }

  /** What of the drawing is in sight. */
  get window() {
    const { x, y, k, box } = this;
    return { left: -x / k, top: -y / k, right: (box.clientWidth - x) / k, bottom: (box.clientHeight - y) / k };
  }

  close() {
    cancelAnimationFrame(this.frame);
  }
}
