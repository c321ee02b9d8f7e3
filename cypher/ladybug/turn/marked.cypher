// purpose: records the settled attempts that a rule had chosen the tool for, whose output holds something from outside, or
//   that ran at an agent; to set that afterwards costs as much again
// params: rows, namespace, ran_on
// returns: nothing; rows are those of turn/attempt, and [..., request as JSON text, true where tainted, agent], each may be empty
UNWIND $rows AS r
MATCH (s:Subtask)
WHERE s.id = r[1]
CREATE (s)-[:HAS_ATTEMPT]->(:Attempt {
  id: r[2], namespace: $namespace, token: to_int64(r[3]), outcome: r[4], ran_on: $ran_on,
  started_at: to_int64(r[5]), finished_at: to_int64(r[6]), output: nullif(r[7], ''), output_hash: nullif(r[8], ''),
  output_bytes: to_int64(r[9]), error: nullif(r[10], ''),
  version: r[11], cache_key: nullif(r[12], ''), consumed: nullif(r[13], ''), origin: nullif(r[14], ''),
  request: nullif(r[15], ''), tainted: r[16] = 'true', agent_id: nullif(r[17], '')})
