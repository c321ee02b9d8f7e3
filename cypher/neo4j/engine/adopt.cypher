// purpose: takes over open tasks of an engine that is gone, in one transaction with a higher epoch for it: if it is only frozen, it can neither settle nor claim when it wakes up
// params: engine, epoch, gone, timeout, limit
// returns: one row {ids}, oldest task first, empty when the other one lives after all; no row when this engine is fenced
MATCH (x:Engine) WHERE x.id IN [$engine, $gone]
WITH x ORDER BY x.id // two engines that adopt each other lock in the same order
SET x.lock = true REMOVE x.lock
WITH collect(x) AS both
WITH [x IN both WHERE x.id = $engine AND x.epoch = $epoch] AS own, [x IN both WHERE x.id = $gone] AS other
WHERE size(own) = 1
CALL (other) {
  UNWIND other AS d
  WITH d WHERE d.left OR d.heartbeat_at < timestamp() - $timeout
  SET d.epoch = d.epoch + 1
  WITH d
  MATCH (t:Task {open_owner: $gone})
  WITH t ORDER BY t.id LIMIT $limit
  SET t.open_owner = $engine, t.owner = $engine
  WITH t
  OPTIONAL MATCH (c:Command {owner: $gone}) WHERE c.task_id = t.id
  SET c.owner = $engine
  WITH DISTINCT t
  RETURN collect(t.id) AS ids
}
RETURN ids
