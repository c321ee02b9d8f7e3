// Deep links: #/tasks/ID/KEY?tab=timeline is a path and a query.

/** The place that the address names. */
export function here() {
  const [path, query] = location.hash.replace(/^#\/?/, "").split("?");
  return { path: path.split("/").filter(Boolean).map(decoded), query: new URLSearchParams(query ?? "") };
}

function decoded(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

/** The address of a place. */
export function link(path, query = {}) {
  const asked = new URLSearchParams(Object.entries(query).filter(([, value]) => value));
  const text = asked.toString();
  return `#/${path.map(encodeURIComponent).join("/")}${text ? `?${text}` : ""}`;
}

/** Goes to a place; without a trace in the history where it only refines the one that we are at. */
export function go(path, query, { replace = false } = {}) {
  const address = link(path, query);
  if (replace) {
    history.replaceState(null, "", address);
    dispatchEvent(new HashChangeEvent("hashchange"));
  } else {
    location.hash = address;
  }
}
