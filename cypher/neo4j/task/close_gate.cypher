// purpose: the first step of a cancellation: from here on nothing of the task is claimed, also after a restart
// params: engine, epoch, id, gate, at
// returns: one row {closed}, false when the task is not open; no row when the engine is fenced
MATCH (e:Engine {id: $engine})
SET e.lock = true REMOVE e.lock
WITH e WHERE e.epoch = $epoch
CALL () {
  MATCH (t:Task {id: $id}) WHERE t.open_owner = $engine
  SET t.gate = $gate, t.updated_at = $at
  RETURN count(t) > 0 AS closed
}
RETURN closed
