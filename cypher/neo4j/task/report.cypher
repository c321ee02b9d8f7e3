// purpose: a report of an open task while it runs, as an event of it
// params: engine, epoch, id, event
// returns: one row {told}, whether the task is open and this engine's; no row when the engine is fenced
MATCH (e:Engine {id: $engine})
SET e.lock = true REMOVE e.lock
WITH e WHERE e.epoch = $epoch
CALL () {
  MATCH (t:Task {id: $id})
  WHERE t.open_owner = $engine
  CREATE (v:Event)
  SET v = $event
  RETURN count(t) > 0 AS told
}
RETURN told
