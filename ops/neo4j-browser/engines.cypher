// Engines, when they last gave a sign of life, and how many open tasks each has
MATCH (e:Engine)
OPTIONAL MATCH (t:Task {open_owner: e.id})
RETURN e.id AS engine, e.namespace AS namespace, (timestamp() - e.heartbeat_at) / 1000 AS seconds_silent,
  coalesce(e.left, false) AS left, count(t) AS open_tasks
ORDER BY seconds_silent
