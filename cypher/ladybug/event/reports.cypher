// purpose: the reports of a task, the newest first
// params: task, before, limit
// returns: one row {first, at, changes} per node with a number below before
MATCH (v:Event)
WHERE v.task_id = $task AND v.turn = '' AND v.first = v.last AND v.first < $before
  AND starts_with(v.changes[1], 'report ')
RETURN v.first AS first, v.at AS at, v.changes AS changes
ORDER BY v.first DESC
LIMIT $limit
