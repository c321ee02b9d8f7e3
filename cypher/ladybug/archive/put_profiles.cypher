// purpose: writes one row of what was learned of kinds of subtasks of a backup; what is there gives way
// params: namespace, id, engine, kind, data, updated_at
// returns: nothing
MERGE (n:`Profile` {id: $id})
SET n.namespace = $namespace, n.engine = $engine, n.kind = $kind, n.data = $data, n.updated_at = $updated_at
