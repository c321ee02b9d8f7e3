// purpose: keeps the callbacks of a task that is about to be stored. The fence is looked at, not locked: a node without
//   a task does no harm
// params: engine, epoch, namespace, id, places, created_at
// returns: one row {id}; no row when the engine is fenced
MATCH (e:Engine) WHERE e.id = $engine AND e.epoch = $epoch
MERGE (c:Callback {id: $id})
SET c.namespace = $namespace, c.engine = $engine, c.places = $places, c.created_at = $created_at
RETURN c.id AS id
