// purpose: the first events of a task itself but for reports, in order
// params: task, limit
// returns: one row {first, at, changes} per node
MATCH (v:Event) USING INDEX v:Event(key)
WHERE v.key > $task + ':' AND v.key < $task + ';' AND v.turn = '' AND v.first = v.last
  AND NOT v.changes[0] STARTS WITH 'report '
WITH v ORDER BY v.key LIMIT $limit
RETURN v.first AS first, v.at AS at, v.changes AS changes
ORDER BY first
