// purpose: the first events of a task itself, in order
// params: task, limit
// returns: one row {first, at, changes} per node
MATCH (v:Event) USING INDEX v:Event(key)
WHERE v.key > $task + ':' AND v.key < $task + ';' AND v.turn = '' AND v.first = v.last
WITH v ORDER BY v.key LIMIT $limit
RETURN v.first AS first, v.at AS at, v.changes AS changes
ORDER BY first
