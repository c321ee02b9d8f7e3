// Talks to the engine. Every error is Problem Details: its detail says what to do.

import { send } from "./key.js";

/** What the engine answered instead of what was asked for. */
export class Problem extends Error {
  constructor(status, body) {
    super(body.detail ?? body.title ?? `the engine answered ${status}`);
    this.status = status;
    this.type = body.type ?? "";
    this.faults = body.errors ?? [];
  }
}

/** The address of something of the engine; each part is encoded. */
export const at = (...parts) => `/${parts.map(encodeURIComponent).join("/")}`;

/** The same with a query; what is empty is left out. */
export function asking(address, query) {
  const asked = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== "" && one !== null && one !== undefined && one !== false) asked.append(name, one);
    }
  }
  return asked.size ? `${address}?${asked}` : address;
}

export const get = (address, options) => call("GET", address, undefined, options);

export const post = (address, body = {}, options) => call("POST", address, body, options);

/** Sends a request; throws a Problem, and an Error when nothing answers. */
export async function call(method, address, body, { signal, headers = {}, type = "application/json" } = {}) {
  const sent = { method, signal, headers: { Accept: "application/json", ...headers } };
  if (body !== undefined) {
    sent.headers["Content-Type"] = type;
    sent.body = typeof body === "string" ? body : JSON.stringify(body);
  }
  let response;
  try {
    response = await send(address, sent);
  } catch (error) {
    if (error.name === "AbortError") throw error;
    throw new Error("The engine does not answer. Is it running?");
  }
  const text = await response.text();
  const value = text && (response.headers.get("content-type") ?? "").includes("json") ? exact(text) : text;
  if (!response.ok) throw new Problem(response.status, typeof value === "object" && value ? value : {});
  return value;
}

/** JSON with integers of any size: a factorial is shown to its last digit. */
function exact(text) {
  if (!/\d{16}/.test(text)) return JSON.parse(text);
  return JSON.parse(text, (_, value, context) =>
    typeof value === "number" && !Number.isSafeInteger(value) && /^-?\d+$/.test(context?.source ?? "")
      ? BigInt(context.source)
      : value,
  );
}

/** A key by which a repeated POST makes nothing twice; also where the page came over plain HTTP. */
export function idempotency() {
  const random = crypto.getRandomValues(new Uint32Array(4));
  return { "Idempotency-Key": `page-${Array.from(random, (part) => part.toString(36)).join("-")}` };
}
