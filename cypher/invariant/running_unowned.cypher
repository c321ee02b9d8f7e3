// purpose: rule: whatever runs belongs to an open task with an owner
// params: namespace
// returns: one row {id} per breach
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.namespace = $namespace AND s.status = 'processing' AND (t.open_owner IS NULL OR t.open_owner = '')
RETURN s.id AS id
LIMIT 100
