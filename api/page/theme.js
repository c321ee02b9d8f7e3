// Light or dark: what the system asks for, until the reader chooses.

import { put, s } from "./dom.js";

const KEY = "agent03-theme";
const dark = matchMedia("(prefers-color-scheme: dark)");

const remembered = () => {
  try {
    return localStorage.getItem(KEY);
  } catch {
    return null;
  }
};

const now = () => document.documentElement.dataset.theme ?? (dark.matches ? "dark" : "light");

/** Makes a button the switch. */
export function startTheme(button) {
  const chosen = remembered();
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  const show = () => {
    const other = now() === "dark" ? "light" : "dark";
    button.setAttribute("aria-label", `Use ${other} colours`);
    button.title = `Use ${other} colours`;
    put(button, picture(other));
  };
  button.addEventListener("click", () => {
    const other = now() === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = other;
    try {
      localStorage.setItem(KEY, other);
    } catch {
      // Nothing is remembered where the browser keeps nothing for this page.
    }
    show();
  });
  dark.addEventListener("change", show);
  show();
}

function picture(theme) {
  const moon = "M13 9.6A5.6 5.6 0 0 1 6.4 3 5.6 5.6 0 1 0 13 9.6Z";
  const sun = "M8 1.5V3M8 13v1.5M1.5 8H3M13 8h1.5M3.4 3.4 4.5 4.5M11.5 11.5l1.1 1.1M3.4 12.6l1.1-1.1M11.5 4.5l1.1-1.1";
  const shapes =
    theme === "dark" ? [s("path", { d: moon })] : [s("circle", { cx: 8, cy: 8, r: 2.8 }), s("path", { d: sun })];
  return s("svg.state-icon", { viewBox: "0 0 16 16", "aria-hidden": "true" }, shapes);
}
