// purpose: writes archived attempts
// params: rows, namespace, absent
// returns: nothing; rows are texts, $absent for nothing: id, subtask_id, token, outcome, ran_on, started_at, finished_at, output, output_hash, output_bytes, error, version, cache_key, consumed, origin, memory_bytes, cpu_seconds, saved_seconds, saved_cost, request, tainted, agent_id
UNWIND $rows AS r
MATCH (s:Subtask) WHERE s.id = r[2]
CREATE (s)-[:HAS_ATTEMPT]->(:Attempt {
  namespace: $namespace, id: nullif(r[1], $absent), token: CASE WHEN r[3] = $absent THEN NULL ELSE to_int64(r[3]) END,
  outcome: nullif(r[4], $absent), ran_on: nullif(r[5], $absent),
  started_at: CASE WHEN r[6] = $absent THEN NULL ELSE to_int64(r[6]) END,
  finished_at: CASE WHEN r[7] = $absent THEN NULL ELSE to_int64(r[7]) END, output: nullif(r[8], $absent),
  output_hash: nullif(r[9], $absent), output_bytes: CASE WHEN r[10] = $absent THEN NULL ELSE to_int64(r[10]) END,
  error: nullif(r[11], $absent), version: r[12], cache_key: nullif(r[13], $absent), consumed: nullif(r[14], $absent),
  origin: nullif(r[15], $absent), memory_bytes: CASE WHEN r[16] = $absent THEN NULL ELSE to_int64(r[16]) END,
  cpu_seconds: CASE WHEN r[17] = $absent THEN NULL ELSE to_double(r[17]) END,
  saved_seconds: CASE WHEN r[18] = $absent THEN NULL ELSE to_double(r[18]) END,
  saved_cost: CASE WHEN r[19] = $absent THEN NULL ELSE to_double(r[19]) END, request: nullif(r[20], $absent),
  tainted: CASE WHEN r[21] = $absent THEN NULL ELSE r[21] = 'true' END, agent_id: nullif(r[22], $absent)})
