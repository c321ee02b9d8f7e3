// purpose: the open tasks of an engine, oldest first
// params: engine
// returns: one row {t} per task
MATCH (t:Task) WHERE t.open_owner = $engine AND t.stored
RETURN t
ORDER BY t.id
