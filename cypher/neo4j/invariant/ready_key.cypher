// purpose: rule: a subtask of an open task has a ready key or a hold key if and only if it is ready
// params: namespace
// returns: one row {id, status} per breach
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.namespace = $namespace AND t.stored
  AND (s.status = 'ready') <> (s.ready_key IS NOT NULL OR s.hold_key IS NOT NULL)
RETURN s.id AS id, s.status AS status
LIMIT 100
