// purpose: an open task stands still: nothing of it is claimed until it is resumed, also after a restart
// params: id, engine, by, until, on_timeout, at
// from -> to: task pending | processing -> paused
// returns: one row {id}; no row when the task is not open or stands still already
MATCH (t:Task) WHERE t.id = $id AND t.open_owner = $engine AND t.status IN ['pending', 'processing'] AND t.gate = ''
SET t.status = 'paused', t.pause_by = $by, t.pause_until = $until, t.pause_then = $on_timeout, t.updated_at = $at
RETURN t.id AS id
