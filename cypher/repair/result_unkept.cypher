// purpose: lets subtasks keep the Results that they produced or reuse
// params: namespace
// returns: one row {repaired}, at most 1,000; repeated until it is 0
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)-[:HAS_ATTEMPT]->(a:Attempt)
WHERE t.namespace = $namespace AND t.stored AND a.output IS NULL AND a.output_hash IS NOT NULL
MATCH (r:Result)
WHERE r.hash = a.output_hash AND NOT EXISTS { MATCH (s)-[:KEEPS]->(r) }
WITH DISTINCT s, r LIMIT 1000
CREATE (s)-[:KEEPS]->(r)
RETURN count(*) AS repaired
