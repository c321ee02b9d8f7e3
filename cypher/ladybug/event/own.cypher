// purpose: the first events of a task itself, in order
// params: task, limit
// returns: one row {first, at, changes} per node
MATCH (v:Event)
WHERE v.task_id = $task AND v.turn = '' AND v.first = v.last
RETURN v.first AS first, v.at AS at, v.changes AS changes
ORDER BY v.first
LIMIT $limit
