// purpose: open tasks take longer than was foretold of them: told once, whatever becomes of their engine
// params: engine, epoch, at, rows
// returns: one row {told}, the ids of those of which it was not told yet; no row when the engine is fenced; rows are {id, event}
MATCH (e:Engine {id: $engine})
SET e.lock = true REMOVE e.lock
WITH e WHERE e.epoch = $epoch
CALL () {
  UNWIND $rows AS r
  MATCH (t:Task {id: r.id})
  WHERE t.open_owner = $engine AND t.late_at IS NULL
  SET t.late_at = $at
  CREATE (v:Event)
  SET v = r.event
  RETURN collect(t.id) AS told
}
RETURN told
