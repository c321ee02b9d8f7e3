// purpose: a task that stands still goes on; it is pending while nothing of it has started
// params: id, engine, status, at
// from -> to: task paused -> pending | processing
// returns: one row {id}; no row when the task does not stand still
MATCH (t:Task) WHERE t.id = $id AND t.open_owner = $engine AND t.status = 'paused'
SET t.status = $status, t.updated_at = $at, t.pause_by = '', t.pause_until = NULL, t.pause_then = ''
RETURN t.id AS id
