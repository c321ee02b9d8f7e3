// purpose: rule: a pending subtask counts its dependencies that are not settled, and those that are without success
// params: namespace
// returns: one row {id, unmet, open, bad, lost} per breach; a task whose cancellation walks through it is left out
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.namespace = $namespace AND t.stored AND coalesce(t.gate, '') = '' AND s.status = 'pending'
OPTIONAL MATCH (s)-[:DEPENDS_ON]->(d:Subtask)
WITH s, sum(CASE WHEN d IS NOT NULL AND d.status IN ['pending', 'ready', 'processing', 'retrying', 'awaiting_approval'] THEN 1 ELSE 0 END) AS open,
  sum(CASE WHEN d IS NOT NULL AND d.status IN ['failed', 'skipped', 'blocked', 'cancelled', 'quarantined'] THEN 1 ELSE 0 END) AS lost
WHERE s.unmet <> open OR s.bad <> lost
RETURN s.id AS id, s.unmet AS unmet, open AS open, s.bad AS bad, lost AS lost
LIMIT 100
