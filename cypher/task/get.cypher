// purpose: one task
// params: id, namespace
// returns: one row {t}, or none
MATCH (t:Task)
WHERE t.id = $id AND t.namespace = $namespace AND t.stored
RETURN t
