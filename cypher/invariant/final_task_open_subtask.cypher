// purpose: rule: in a final task nothing is left to move
// params: namespace
// returns: one row {id, status} per breach
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.namespace = $namespace AND t.stored AND t.status IN ['completed', 'failed', 'cancelled']
  AND s.status IN ['pending', 'ready', 'processing', 'retrying', 'awaiting_approval']
RETURN s.id AS id, s.status AS status
LIMIT 100
