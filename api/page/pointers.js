// Where in a JSON text the value of a JSON pointer begins, so that a fault can be shown in its line.

/** The offset of a pointer such as /plan/subtasks/0/type in a JSON text; of its nearest parent where it is not there. */
export function placeOf(text, pointer) {
  const wanted = pointer
    .split("/")
    .slice(1)
    .map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));
  const reader = new Reader(text);
  try {
    return reader.find(wanted);
  } catch {
    return reader.start;
  }
}

/** The number of the line of an offset, from 1. */
export const lineOf = (text, offset) => text.slice(0, offset).split("\n").length;

class Reader {
  constructor(text) {
    this.text = text;
    this.at = 0;
    this.start = 0;
  }

  find(wanted) {
    this.blanks();
    this.start = this.at;
    if (!wanted.length) return this.start;
    const list = this.text[this.at] === "[";
    if (!list && this.text[this.at] !== "{") return this.start;
    for (let place = 0; this.open(); place += 1) {
      const name = list ? String(place) : this.name();
      if (name === wanted[0]) return this.find(wanted.slice(1));
      this.value();
    }
    return this.start;
  }

  /** Steps past an opening bracket or a comma to the next entry; false when there is none. */
  open() {
    if (this.at >= this.text.length) throw new Error("the text ends too early");
    if ("]}".includes(this.text[this.at])) return false;
    this.at += 1;
    this.blanks();
    return !"]}".includes(this.text[this.at] ?? "]");
  }

  name() {
    const from = this.at;
    this.string();
    const name = JSON.parse(this.text.slice(from, this.at));
    this.blanks();
    this.at += 1;
    this.blanks();
    return name;
  }

  /** Steps past a value and the blanks behind it. */
  value() {
    if (this.text[this.at] === '"') this.string();
    else if ("{[".includes(this.text[this.at])) {
      const list = this.text[this.at] === "[";
      while (this.open()) {
        if (!list) this.name();
        this.value();
      }
      this.at += 1;
    } else while (this.at < this.text.length && !/[\s,\]}]/.test(this.text[this.at])) this.at += 1;
    this.blanks();
  }

  string() {
    this.at += 1;
    while (this.text[this.at] !== '"') {
      if (this.at >= this.text.length) throw new Error("a string has no end");
      this.at += this.text[this.at] === "\\" ? 2 : 1;
    }
    this.at += 1;
  }

  blanks() {
    while (/\s/.test(this.text[this.at] ?? "")) this.at += 1;
  }
}
