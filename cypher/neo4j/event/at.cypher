// purpose: the events of a task that bear a time
// params: task, at
// returns: one row {first, at, changes} per node
MATCH (v:Event) USING INDEX v:Event(key)
WHERE v.key > $task + ':' AND v.key < $task + ';' AND v.at = $at
RETURN v.first AS first, v.at AS at, v.changes AS changes
ORDER BY first
