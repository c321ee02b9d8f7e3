// purpose: tasks as they are
// params: ids, namespace
// returns: one row {t} each
UNWIND $ids AS wanted
MATCH (t:Task) WHERE t.id = wanted AND t.namespace = $namespace AND t.stored
RETURN t
