// purpose: rule: an output that is not on its attempt has a Result
// params: namespace
// returns: one row {id, hash} per breach
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)-[:HAS_ATTEMPT]->(a:Attempt)
WHERE t.namespace = $namespace AND a.output IS NULL AND a.output_hash IS NOT NULL
OPTIONAL MATCH (r:Result)
WHERE r.hash = a.output_hash
WITH s, a, r
WHERE r IS NULL
RETURN s.id AS id, a.output_hash AS hash
LIMIT 100
