// purpose: an open task takes longer than was foretold of it: told once, whatever becomes of its engine
// params: id, engine, at
// returns: one row {id}; no row when it is not open or it was told already
MATCH (t:Task) WHERE t.id = $id AND t.open_owner = $engine AND t.late_at IS NULL
SET t.late_at = $at
RETURN t.id AS id
