// purpose: the events of a task after a number, in order; one node holds the changes of one turn
// params: task, after, limit
// returns: one row {first, at, changes} per node
CALL () {
  MATCH (v:Event) USING INDEX v:Event(key)
  WHERE v.key <= $task + ':' + right('0000000000' + toString($after + 1), 10) AND v.key > $task + ':'
  WITH v ORDER BY v.key DESC LIMIT 1
  RETURN v
  UNION
  MATCH (v:Event) USING INDEX v:Event(key)
  WHERE v.key > $task + ':' + right('0000000000' + toString($after + 1), 10) AND v.key < $task + ';'
  WITH v ORDER BY v.key LIMIT $limit
  RETURN v
}
WITH v WHERE v.last > $after
RETURN v.first AS first, v.at AS at, v.changes AS changes
ORDER BY v.first
LIMIT $limit
