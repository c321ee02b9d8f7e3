// purpose: an open task stands still: nothing of it is claimed until it is resumed, also after a restart
// params: engine, epoch, id, by, until, on_timeout, at, event
// from -> to: task pending | processing -> paused
// returns: one row {paused}, false when the task is not open or stands still already; no row when the engine is fenced
MATCH (e:Engine {id: $engine})
SET e.lock = true REMOVE e.lock
WITH e WHERE e.epoch = $epoch
CALL () {
  MATCH (t:Task {id: $id})
  WHERE t.open_owner = $engine AND t.status IN ['pending', 'processing'] AND coalesce(t.gate, '') = ''
  SET t.status = 'paused', t.pause_by = $by, t.pause_until = $until, t.pause_then = $on_timeout, t.updated_at = $at
  CREATE (v:Event)
  SET v = $event
  RETURN count(t) > 0 AS paused
}
RETURN paused
