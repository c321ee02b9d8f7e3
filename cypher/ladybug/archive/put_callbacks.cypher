// purpose: writes one row of how far callbacks are of a backup; what is there gives way
// params: namespace, id, engine, places, created_at
// returns: nothing
MERGE (n:Callback {id: $id})
SET n.namespace = $namespace, n.engine = $engine, n.places = $places, n.created_at = $created_at
