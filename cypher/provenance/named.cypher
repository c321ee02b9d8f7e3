// purpose: subtasks by id, as a recall shows them
// params: ids, namespace
// returns: one row {id, key, type, status, generation} each
UNWIND $ids AS wanted
MATCH (s:Subtask)
WHERE s.id = wanted AND s.namespace = $namespace
RETURN s.id AS id, s.key AS key, s.type AS type, s.status AS status, s.generation AS generation
