// purpose: rule: no attempt is recorded twice
// params: namespace
// returns: one row {id, token} per breach
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)-[:HAS_ATTEMPT]->(a:Attempt)
WHERE t.namespace = $namespace
WITH s, a.token AS token, count(*) AS records
WHERE records > 1
RETURN s.id AS id, token AS token
LIMIT 100
