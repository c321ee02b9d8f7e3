// purpose: the open tasks of every other engine become this one's: the file is held, so none of them lives
// params: engine, namespace
// returns: one row {id} per task
MATCH (t:Task) WHERE t.namespace = $namespace AND t.open_owner <> '' AND t.open_owner <> $engine
SET t.open_owner = $engine, t.owner = $engine
RETURN t.id AS id
