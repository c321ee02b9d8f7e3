// purpose: rule: a completed subtask has exactly one completed attempt, and it carries the current token
// params: namespace
// returns: one row {id, attempts} per breach
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.namespace = $namespace AND t.stored AND s.status = 'completed'
OPTIONAL MATCH (s)-[:HAS_ATTEMPT]->(a:Attempt)
WITH s, sum(CASE WHEN a IS NOT NULL AND a.outcome IN ['completed', 'cached', 'reused'] THEN 1 ELSE 0 END) AS attempts,
  sum(CASE WHEN a IS NOT NULL AND a.outcome IN ['completed', 'cached', 'reused'] AND a.token = s.token THEN 1 ELSE 0 END) AS current
WHERE attempts <> 1 OR current <> 1
RETURN s.id AS id, attempts AS attempts
LIMIT 100
