// purpose: writes archived subtasks
// params: rows, namespace, absent
// returns: nothing; rows are texts, $absent for nothing: id, task_id, key, type, position, spec, status, unmet, bad, skips, token, fresh_token, spent, interrupted, priority, critical, is_optional, judged, timed, fell_back, generation, rank, order_key, queued_at, started_at, completed_at, wake_at, reason, error, follows, expected
UNWIND $rows AS r
MATCH (t:Task) WHERE t.id = r[2]
CREATE (t)-[:HAS_SUBTASK]->(:Subtask {
  namespace: $namespace, id: nullif(r[1], $absent), task_id: nullif(r[2], $absent), key: nullif(r[3], $absent),
  type: nullif(r[4], $absent), position: CASE WHEN r[5] = $absent THEN NULL ELSE to_int64(r[5]) END,
  spec: nullif(r[6], $absent), status: nullif(r[7], $absent),
  unmet: CASE WHEN r[8] = $absent THEN NULL ELSE to_int64(r[8]) END,
  bad: CASE WHEN r[9] = $absent THEN NULL ELSE to_int64(r[9]) END, skips: to_int64(r[10]),
  token: CASE WHEN r[11] = $absent THEN NULL ELSE to_int64(r[11]) END,
  fresh_token: CASE WHEN r[12] = $absent THEN NULL ELSE to_int64(r[12]) END, spent: to_int64(r[13]),
  interrupted: to_int64(r[14]), priority: CASE WHEN r[15] = $absent THEN NULL ELSE to_int64(r[15]) END,
  critical: r[16] = 'true', is_optional: r[17] = 'true', judged: r[18] = 'true', timed: r[19] = 'true',
  fell_back: r[20] = 'true', generation: CASE WHEN r[21] = $absent THEN NULL ELSE to_int64(r[21]) END,
  rank: CASE WHEN r[22] = $absent THEN NULL ELSE to_double(r[22]) END, order_key: nullif(r[23], $absent),
  queued_at: CASE WHEN r[24] = $absent THEN NULL ELSE to_int64(r[24]) END,
  started_at: CASE WHEN r[25] = $absent THEN NULL ELSE to_int64(r[25]) END,
  completed_at: CASE WHEN r[26] = $absent THEN NULL ELSE to_int64(r[26]) END,
  wake_at: CASE WHEN r[27] = $absent THEN NULL ELSE to_int64(r[27]) END, reason: r[28], error: nullif(r[29], $absent),
  follows: r[30], expected: CASE WHEN r[31] = $absent THEN NULL ELSE to_double(r[31]) END})
