// purpose: the first step of a cancellation: from here on nothing of the task is claimed, also after a restart
// params: id, engine, gate, at
// returns: one row {id}; no row when the task is not open
MATCH (t:Task) WHERE t.id = $id AND t.open_owner = $engine
SET t.gate = $gate, t.updated_at = $at
RETURN t.id AS id
