// purpose: rule: the events of a task are numbered from 1 without gaps or overlaps
// params: namespace
// returns: one row {task, events, last} per breach
MATCH (v:Event)
WHERE v.namespace = $namespace
WITH v.task_id AS task, min(v.first) AS first, max(v.last) AS last, sum(v.last - v.first + 1) AS events,
  sum(CASE WHEN size(v.changes) = v.last - v.first + 1 THEN 0 ELSE 1 END) AS wrong
WHERE first <> 1 OR events <> last OR wrong > 0
RETURN task, events, last
LIMIT 100
