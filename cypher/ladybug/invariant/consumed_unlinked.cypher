// purpose: rule: an attempt of a final task has an edge to each Result that it notes to have used
// params: namespace
// returns: one row {id, token, used} per breach
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)-[:HAS_ATTEMPT]->(a:Attempt)
WHERE t.namespace = $namespace AND t.stored AND t.status IN ['completed', 'failed', 'cancelled']
  AND a.consumed IS NOT NULL
UNWIND string_split(a.consumed, ',') AS used
MATCH (p:Subtask)-[:HAS_ATTEMPT]->(b:Attempt)
WHERE p.id = used AND p.status = 'completed' AND b.token = p.token AND b.output_hash IS NOT NULL
  AND NOT EXISTS { MATCH (a)-[:CONSUMED]->(x:Result) WHERE x.hash = b.output_hash }
RETURN s.id AS id, a.token AS token, used AS used
LIMIT 100
