// purpose: rule: a Result is kept by each subtask that produced or reuses it, so that no removal takes it away
// params: namespace
// returns: one row {id, hash} per breach
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)-[:HAS_ATTEMPT]->(a:Attempt)
WHERE t.namespace = $namespace AND t.stored AND a.output IS NULL AND a.output_hash IS NOT NULL
MATCH (r:Result)
WHERE r.hash = a.output_hash AND NOT EXISTS { MATCH (s)-[:KEEPS]->(r) }
RETURN s.id AS id, r.hash AS hash
LIMIT 100
