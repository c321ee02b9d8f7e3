// purpose: the events of a task after a number, in order; one node holds the changes of one turn
// params: task, after, limit
// returns: one row {first, at, changes} per node
MATCH (v:Event)
WHERE v.task_id = $task AND v.last > $after
RETURN v.first AS first, v.at AS at, v.changes AS changes
ORDER BY v.first
LIMIT $limit
