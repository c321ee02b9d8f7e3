// purpose: the first events of a task itself but for reports, in order
// params: task, limit
// returns: one row {first, at, changes} per node
MATCH (v:Event)
WHERE v.task_id = $task AND v.turn = '' AND v.first = v.last AND NOT starts_with(v.changes[1], 'report ')
RETURN v.first AS first, v.at AS at, v.changes AS changes
ORDER BY v.first
LIMIT $limit
