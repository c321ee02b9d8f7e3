// purpose: attempts of a task without the edges that they should have
// params: task, after, limit
// returns: one row {id, token, consumed, origin, outcome, output, output_hash, output_bytes} each, in the order of ids
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)-[:HAS_ATTEMPT]->(a:Attempt)
WHERE t.id = $task AND s.id >= $after
  AND ((a.consumed IS NOT NULL AND NOT EXISTS { MATCH (a)-[:CONSUMED]->(:Result) })
    OR (a.output_hash IS NOT NULL AND (a.output IS NULL OR a.outcome IN ['cached', 'reused'])
      AND NOT EXISTS { MATCH (a)-[:PRODUCED]->(:Result) }))
RETURN s.id AS id, a.token AS token, a.consumed AS consumed, a.origin AS origin, a.outcome AS outcome,
  a.output AS output, a.output_hash AS output_hash, a.output_bytes AS output_bytes
ORDER BY id, token
LIMIT $limit
