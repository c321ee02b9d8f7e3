// purpose: the first step of closing a task: from here on nothing of it is claimed, also after a restart
// params: engine, epoch, id, gate, detail, at
// returns: one row {closed}, false when the task is not open or its gate is closed; no row when the engine is fenced
MATCH (e:Engine {id: $engine})
SET e.lock = true REMOVE e.lock
WITH e WHERE e.epoch = $epoch
CALL () {
  MATCH (t:Task {id: $id}) WHERE t.open_owner = $engine AND coalesce(t.gate, '') = ''
  SET t.gate = $gate, t.gate_detail = $detail, t.updated_at = $at
  RETURN count(t) > 0 AS closed
}
RETURN closed
