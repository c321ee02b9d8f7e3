// purpose: rule: no subtask runs or has run before each of its dependencies was settled
// params: namespace
// returns: one row {id, dependency} per breach
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)-[:DEPENDS_ON]->(d:Subtask)
WHERE t.namespace = $namespace AND t.stored AND s.status IN ['ready', 'processing', 'retrying', 'completed', 'failed']
  AND (d.status IN ['pending', 'ready', 'processing', 'retrying', 'awaiting_approval'] OR s.started_at < d.completed_at)
RETURN s.id AS id, d.id AS dependency
LIMIT 100
