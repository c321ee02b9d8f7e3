// purpose: the attempts with the current token of subtasks
// params: rows
// returns: one row {id, a} per attempt that was recorded
UNWIND $rows AS r
MATCH (a:Attempt)
WHERE a.id = r.attempt
RETURN r.id AS id, {
  token: a.token, outcome: a.outcome, ran_on: a.ran_on, output: a.output, output_hash: a.output_hash,
  output_bytes: a.output_bytes, error: a.error, origin: a.origin, tainted: a.tainted, cache_key: a.cache_key, agent_id: a.agent_id
} AS a
