// The key that the reader has given: in the memory of this page alone, gone when it is closed or loaded again.

import { h } from "./dom.js";
import { ask } from "./dialog.js";

let key = "";
let declined = false;
let asking = null;

/** Whether there is a key to show. */
export const known = () => Boolean(key);

/** The headers that show it; none where there is no key. */
export const shown = () => (key ? { Authorization: `Bearer ${key}` } : {});

/** Asks for a key, once however many requests want one; resolves with whether there is another one now than `before`. */
export async function wanted(before) {
  if (key !== before) return true;
  if (declined) return false;
  asking ??= ask({
    title: "This server asks for a key",
    text: before ? "The key is not known here, or it was revoked." : "It is kept until this page is closed.",
    action: "Use it",
    fields: [
      {
        label: "Key",
        element: h("input", { name: "key", type: "password", autocomplete: "off", required: true, placeholder: "a3_…" }),
      },
    ],
  }).then((said) => {
    asking = null;
    declined = !said;
    if (said) key = said.key.trim();
  });
  await asking;
  return key !== before;
}

/** `fetch` that shows the key, and asks for one where the server wants it. */
export async function send(address, init = {}) {
  for (;;) {
    const before = key;
    const response = await fetch(address, { ...init, headers: { ...init.headers, ...shown() } });
    if (response.status !== 401 || !(await wanted(before))) return response;
  }
}
