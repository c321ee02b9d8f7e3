// purpose: an engine's sign of life, by the database's clock; with it what the engine has to know about others
// params: engine, epoch, namespace, timeout, unsettled, room
// returns: one row {now, gone, commands, keys}: keys counts how often a key of the API was made or revoked; gone are engines with open tasks that left, or gave no sign for timeout milliseconds; commands are [id, body], oldest first; no row when the engine is fenced
MATCH (e:Engine {id: $engine}) WHERE e.epoch = $epoch
SET e.heartbeat_at = timestamp(), e.unsettled = $unsettled, e.room = $room
WITH e
CALL () {
  MATCH (d:Engine {namespace: $namespace})
  WHERE d.id <> $engine AND (d.left OR d.heartbeat_at < timestamp() - $timeout)
    AND EXISTS { MATCH (t:Task {open_owner: d.id}) }
  RETURN collect(d.id) AS gone
}
CALL () {
  MATCH (c:Command {owner: $engine})
  WITH c ORDER BY c.id
  RETURN collect([c.id, c.body]) AS commands
}
CALL () {
  MATCH (old:Command) WHERE old.answered_at < timestamp() - 60000
  DELETE old
}
CALL () {
  OPTIONAL MATCH (k:ApiKey {namespace: $namespace})
  RETURN sum(CASE WHEN k IS NULL THEN 0 WHEN k.revoked_at > 0 THEN 2 ELSE 1 END) AS keys
}
RETURN timestamp() AS now, gone, commands, keys
