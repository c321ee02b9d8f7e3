// purpose: ends open tasks with their result or error, and records the event
// params: engine, epoch, rows
// from -> to: task pending | processing | paused -> completed | failed | cancelled
// returns: one row {ended} with the ids of the tasks that ended here; no row when the engine is fenced
MATCH (e:Engine {id: $engine})
SET e.lock = true REMOVE e.lock
WITH e WHERE e.epoch = $epoch
CALL () {
  UNWIND $rows AS r
  MATCH (t:Task {id: r.id}) WHERE t.open_owner = $engine
  SET t.status = r.status, t.counts = r.counts, t.subtasks_count = r.total, t.completed_at = r.at, t.updated_at = r.at,
      t.started_at = coalesce(t.started_at, r.started_at), t.result = r.result, t.result_hash = r.result_hash,
      t.error = r.error
  REMOVE t.open_owner, t.gate, t.gate_detail, t.pause_by, t.pause_until, t.pause_then
  CREATE (v:Event)
  SET v = r.event
  RETURN collect(t.id) AS ended
}
RETURN ended
