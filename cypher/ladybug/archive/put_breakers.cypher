// purpose: writes one row of breakers that are open of a backup; what is there gives way
// params: namespace, id, key, data, updated_at
// returns: nothing
MERGE (n:Breaker {id: $id})
SET n.namespace = $namespace, n.key = $key, n.data = $data, n.updated_at = $updated_at
