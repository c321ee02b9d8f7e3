// purpose: rule: a pending subtask's unmet counter is the number of its dependencies that are not settled
// params: namespace
// returns: one row {id, unmet, open} per breach
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.namespace = $namespace AND t.stored AND s.status = 'pending'
OPTIONAL MATCH (s)-[:DEPENDS_ON]->(d:Subtask)
WITH s, sum(CASE WHEN d IS NOT NULL AND d.status IN ['pending', 'ready', 'processing', 'retrying', 'awaiting_approval'] THEN 1 ELSE 0 END) AS open
WHERE s.unmet <> open
RETURN s.id AS id, s.unmet AS unmet, open AS open
LIMIT 100
