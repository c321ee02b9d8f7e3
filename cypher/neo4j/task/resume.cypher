// purpose: a task that stands still goes on; it is pending while nothing of it has started
// params: engine, epoch, id, status, at, event
// from -> to: task paused -> pending | processing
// returns: one row {resumed}, false when the task does not stand still; no row when the engine is fenced
MATCH (e:Engine {id: $engine})
SET e.lock = true REMOVE e.lock
WITH e WHERE e.epoch = $epoch
CALL () {
  MATCH (t:Task {id: $id}) WHERE t.open_owner = $engine AND t.status = 'paused'
  SET t.status = $status, t.updated_at = $at
  REMOVE t.pause_by, t.pause_until, t.pause_then
  CREATE (v:Event)
  SET v = $event
  RETURN count(t) > 0 AS resumed
}
RETURN resumed
