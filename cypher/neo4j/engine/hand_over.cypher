// purpose: an open task of an engine becomes another's, which a command tells so, in one transaction; other commands for the task go along; the locks wait for an adoption that is under way
// params: engine, epoch, task, to, namespace, id, body, at
// returns: one row {handed}; no row when this engine is fenced
MATCH (x:Engine) WHERE x.id IN [$engine, $to]
WITH x ORDER BY x.id // two engines that hand over to each other lock in the same order
SET x.lock = true REMOVE x.lock
WITH collect(x) AS both
WITH [x IN both WHERE x.id = $engine AND x.epoch = $epoch] AS own, [x IN both WHERE x.id = $to] AS other
WHERE size(own) = 1
CALL (other) {
  UNWIND other AS o
  WITH o WHERE o.namespace = $namespace AND NOT coalesce(o.left, false) AND o.unsettled IS NOT NULL
  MATCH (t:Task {id: $task}) WHERE t.stored AND t.open_owner IN [$engine, $to]
  SET t.open_owner = $to, t.owner = $to
  MERGE (c:Command {id: $id})
  ON CREATE SET c.namespace = $namespace, c.task_id = $task, c.owner = $to, c.body = $body, c.at = $at, c.hands = true
  WITH o, t
  OPTIONAL MATCH (waiting:Command {owner: $engine}) WHERE waiting.task_id = $task
  SET waiting.owner = $to
  WITH DISTINCT o, t
  OPTIONAL MATCH (k:Callback {id: $task}) WHERE k.engine = $engine
  SET k.engine = $to
  RETURN count(t) AS number
}
RETURN number > 0 AS handed
