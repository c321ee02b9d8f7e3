// Starts the page: which view belongs to the address, light or dark, and the keys that work everywhere.

import { h, put } from "./dom.js";
import { failed, toast } from "./dialog.js";
import { here } from "./router.js";
import { startTheme } from "./theme.js";

const VIEWS = {
  tasks: { title: "Tasks", load: (path) => (path.length > 1 ? import("./views/task.js") : import("./views/tasks.js")) },
  approvals: { title: "Approvals", load: () => import("./views/approvals.js") },
  tools: { title: "Tools", load: () => import("./views/tools.js") },
  agents: { title: "Agents", load: () => import("./views/agents.js") },
  cache: { title: "Cache", load: () => import("./views/cache.js") },
  estimates: { title: "Estimates", load: () => import("./views/estimates.js") },
  trends: { title: "Trends", load: () => import("./views/trends.js") },
  health: { title: "Health", load: () => import("./views/health.js") },
  new: { title: "New task", load: () => import("./views/new.js"), hidden: true },
  diff: { title: "Difference", load: () => import("./views/diff.js"), hidden: true },
};

const main = document.getElementById("main");
const nav = document.getElementById("nav");
let shown = null; // {name, view}: the view that is there
let turn = 0;
let started = false;

function links(current) {
  const entries = Object.entries(VIEWS).filter(([, view]) => !view.hidden);
  put(
    nav,
    entries.map(([name, view]) =>
      h("a", { href: `#/${name}`, "aria-current": name === current && "page" }, view.title),
    ),
  );
  nav.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "nearest" });
}

async function show() {
  const place = here();
  const name = VIEWS[place.path[0]] ? place.path[0] : "tasks";
  const mine = (turn += 1);
  links(name);
  if (shown?.name === name && shown.view.moved?.(place)) return;
  shown?.view.close?.();
  shown = null;
  document.title = `${VIEWS[name].title} · Agent03`;
  try {
    const { open } = await VIEWS[name].load(place.path);
    if (mine !== turn) return;
    put(main);
    main.className = `view-${name}`;
    const first = !started;
    started = true;
    shown = { name, view: open(main, place) ?? {} };
    scrollTo(0, 0);
    if (!first && document.activeElement === document.body) main.focus({ preventScroll: true });
  } catch (error) {
    if (mine === turn)
      put(
        main,
        failed(error, () => location.reload()),
      );
  }
}

function key(event) {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  const typing = event.target.closest("input, textarea, select, [contenteditable]");
  if (event.key === "/" && !typing) {
    const search = [...document.querySelectorAll("main input[type=search]")].find((one) => one.offsetParent);
    search?.focus();
    if (search) event.preventDefault();
  } else if (event.key === "Escape" && !document.querySelector("dialog[open]")) {
    if (typing && typing.closest("main")) typing.blur();
    else shown?.view.escape?.();
  }
}

document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});
addEventListener("hashchange", show);
addEventListener("keydown", key);
addEventListener("unhandledrejection", (event) => {
  if (event.reason?.name !== "AbortError") toast(event.reason?.message ?? String(event.reason), { problem: true });
});
startTheme(document.getElementById("theme"));
show();
