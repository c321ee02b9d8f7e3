// purpose: rule: an attempt of a final task has an edge to its output where that has a Result of its own, or was taken over (older versions noted neither version nor origin)
// params: namespace
// returns: one row {id, token, hash} per breach
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)-[:HAS_ATTEMPT]->(a:Attempt)
WHERE t.namespace = $namespace AND t.stored AND t.status IN ['completed', 'failed', 'cancelled']
  AND a.output_hash IS NOT NULL AND ((a.output IS NULL AND a.version <> '') OR a.origin <> '')
  AND NOT EXISTS { MATCH (a)-[:PRODUCED]->(:Result) }
MATCH (x:Result) WHERE x.hash = a.output_hash
RETURN s.id AS id, a.token AS token, x.hash AS hash
LIMIT 100
