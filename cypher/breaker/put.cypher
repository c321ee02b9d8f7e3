// purpose: keeps a breaker that is open. The fence is looked at, not locked: what an engine still writes while it is
//   fenced is right as well. There are few of them, so there is no index either
// params: engine, epoch, namespace, id, key, data, updated_at
// returns: one row {id}; no row when the engine is fenced
MATCH (e:Engine) WHERE e.id = $engine AND e.epoch = $epoch
MERGE (b:Breaker {id: $id})
SET b.namespace = $namespace, b.key = $key, b.data = $data, b.updated_at = $updated_at
RETURN b.id AS id
