// Server-Sent Events. The browser's own reader sends no key, so where there is one this reads them by fetch, in the same
// way: it joins again by itself with the number of the last event, and gives up when the server refuses.

import { known, shown } from "./key.js";

const AGAIN_MS = 2000;

/** What follows an address: the browser's own reader, or the one that shows a key. */
export const follow = (address) => (known() ? new KeyedSource(address) : new EventSource(address));

class KeyedSource {
  constructor(address) {
    this.address = address;
    this.heard = {};
    this.last = "";
    this.open();
  }

  addEventListener(type, listener) {
    (this.heard[type] ??= []).push(listener);
  }

  async open() {
    this.readyState = EventSource.CONNECTING;
    this.leaving = new AbortController();
    const headers = { Accept: "text/event-stream", ...shown(), ...(this.last && { "Last-Event-ID": this.last }) };
    try {
      const response = await fetch(this.address, { headers, cache: "no-store", signal: this.leaving.signal });
      if (!response.ok) {
        this.readyState = EventSource.CLOSED;
        this.onerror?.();
        return;
      }
      this.readyState = EventSource.OPEN;
      this.onopen?.();
      await this.read(response.body.pipeThrough(new TextDecoderStream()).getReader());
    } catch {
      // whatever cut it off: it joins again, unless it was closed
    }
    if (this.readyState === EventSource.CLOSED) return;
    this.readyState = EventSource.CONNECTING;
    this.timer = setTimeout(() => this.open(), AGAIN_MS);
    this.onerror?.();
  }

  async read(reader) {
    let rest = "";
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      const blocks = (rest + value).split("\n\n");
      rest = blocks.pop();
      blocks.forEach((block) => this.take(block));
    }
  }

  take(block) {
    const fields = { event: "message", data: [] };
    for (const line of block.split("\n")) {
      const [name, text] = [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).replace(/^ /, "")];
      if (name === "data") fields.data.push(text);
      else if (name) fields[name] = text;
    }
    if (fields.id !== undefined) this.last = fields.id;
    if (!fields.data.length || this.readyState === EventSource.CLOSED) return;
    const message = { data: fields.data.join("\n"), lastEventId: this.last };
    if (fields.event === "message") this.onmessage?.(message);
    this.heard[fields.event]?.forEach((listener) => listener(message));
  }

  close() {
    this.readyState = EventSource.CLOSED;
    clearTimeout(this.timer);
    this.leaving.abort();
  }
}
