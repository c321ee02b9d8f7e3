// purpose: the current outputs of subtasks that have one
// params: ids
// returns: one row {id, token, output_hash, output_bytes, output, origin, cache_key} each
UNWIND $ids AS wanted
MATCH (s:Subtask {id: wanted})-[:HAS_ATTEMPT]->(a:Attempt)
WHERE s.status = 'completed' AND a.token = s.token AND a.output_hash IS NOT NULL
RETURN s.id AS id, a.token AS token, a.output_hash AS output_hash, a.output_bytes AS output_bytes, a.output AS output,
  a.origin AS origin, a.cache_key AS cache_key
