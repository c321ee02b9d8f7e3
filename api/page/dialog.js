// Asks before something is done, and says what came of it.

import { h, put } from "./dom.js";

/**
 * Asks; resolves with the form's values when the reader agrees, with null otherwise.
 * @param {{title, text, action, danger, fields}} asked fields are elements with a name, shown with their label
 */
export function ask({ title, text, action, danger = false, fields = [] }) {
  return new Promise((answer) => {
    const no = h("button", { type: "button", on: { click: () => dialog.close() } }, "Back");
    const yes = h(`button.${danger ? "danger" : "primary"}`, { type: "submit", value: "yes" }, action);
    const form = h(
      "form",
      { method: "dialog" },
      h("h2", { id: "dialog-title" }, title),
      text && h("p", {}, text),
      fields.map(({ label, element }) => h("label.field", {}, h("span", {}, label), element)),
      h("div.dialog-end", {}, no, yes),
    );
    const dialog = h("dialog", { "aria-labelledby": "dialog-title" }, form);
    const before = document.activeElement;
    dialog.addEventListener("close", () => {
      const said = dialog.returnValue === "yes" ? Object.fromEntries(new FormData(form)) : null;
      dialog.remove();
      before?.focus?.();
      answer(said);
    });
    document.body.append(dialog);
    dialog.showModal();
    (form.querySelector("textarea, input, select") ?? yes).focus();
  });
}

/** Shows a text to be copied by hand, where the browser lets a page copy nothing. */
export function showText(title, text) {
  const area = h("textarea", { rows: "8", readonly: true, value: text, "aria-label": title });
  const dialog = h(
    "dialog",
    { "aria-label": title },
    h("h2", {}, title),
    area,
    h("form", { method: "dialog" }, h("div.dialog-end", {}, h("button.primary", {}, "Done"))),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  area.select();
}

/** Copies a text, or shows it. */
export async function copy(text, what) {
  try {
    await navigator.clipboard.writeText(text);
    toast(`${what} copied`);
  } catch {
    showText(what, text);
  }
}

/** A short word at the edge of the page; a problem stays until it is closed. */
export function toast(text, { problem = false } = {}) {
  const close = h(
    "button.icon-button",
    { type: "button", "aria-label": "Close", on: { click: () => element.remove() } },
    "×",
  );
  const element = h(`div.toast${problem ? ".problem" : ""}`, {}, h("span", {}, text), close);
  document.getElementById("toasts").append(element);
  if (!problem) setTimeout(() => element.remove(), 5000);
}

/** What stands where something could not be had. */
export function failed(error, again) {
  const element = h("div.empty.problem", { role: "alert" }, h("p", {}, error.message));
  const faults = (error.faults ?? []).filter((fault) => fault.detail);
  if (faults.length) {
    element.append(
      h(
        "ul.faults",
        {},
        faults.map(({ pointer, detail }) => h("li", {}, h("code", {}, pointer || "/"), ` ${detail}`)),
      ),
    );
  }
  if (again) element.append(h("button", { type: "button", on: { click: again } }, "Try again"));
  return element;
}

export const loading = (what) => h("p.empty", { "aria-busy": "true" }, `Loading ${what} …`);

/** Shows what a promise comes to inside an element, or why it does not. */
export async function into(element, work, made) {
  try {
    put(element, made(await work()));
  } catch (error) {
    if (error.name !== "AbortError")
      put(
        element,
        failed(error, () => into(element, work, made)),
      );
  }
}
