// purpose: opens a task once all of it is written
// params: id, engine
// returns: nothing
MATCH (t:Task) WHERE t.id = $id
SET t.stored = true, t.open_owner = $engine, t.loader = ''
