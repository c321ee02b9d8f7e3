// purpose: the reports of a task, the newest first
// params: task, before, limit
// returns: one row {first, at, changes} per node with a number below before
MATCH (v:Event) USING INDEX v:Event(key)
WHERE v.key > $task + ':' AND v.key < $task + ';' AND v.turn = '' AND v.first = v.last
  AND v.first < $before AND v.changes[0] STARTS WITH 'report '
WITH v ORDER BY v.key DESC LIMIT $limit
RETURN v.first AS first, v.at AS at, v.changes AS changes
ORDER BY first DESC
