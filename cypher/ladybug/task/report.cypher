// purpose: whether a task is open and this engine's, before a report of it is written
// params: id, engine
// returns: one row {id}; no row when it is not
MATCH (t:Task) WHERE t.id = $id AND t.open_owner = $engine
RETURN t.id AS id
