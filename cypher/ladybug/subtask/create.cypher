// purpose: a batch of subtasks
// params: rows, task, namespace
// from -> to: nothing -> pending | ready | completed | skipped
// returns: nothing; rows are [id, key, type, position, spec, status, unmet, priority, critical, generation, rank, order key, queued at, optional, judged, timed, bad, skips, token, completed at, follows, expected seconds]
UNWIND $rows AS r
CREATE (:Subtask {
  id: r[1], namespace: $namespace, task_id: $task, key: r[2], type: r[3], position: to_int64(r[4]), spec: r[5],
  status: r[6], unmet: to_int64(r[7]), priority: to_int64(r[8]), critical: r[9] = 'true',
  generation: to_int64(r[10]), rank: to_double(r[11]), order_key: r[12],
  queued_at: CASE WHEN r[13] = '' THEN NULL ELSE to_int64(r[13]) END,
  is_optional: r[14] = 'true', judged: r[15] = 'true', timed: r[16] = 'true', bad: to_int64(r[17]), skips: to_int64(r[18]),
  token: to_int64(r[19]), completed_at: CASE WHEN r[20] = '' THEN NULL ELSE to_int64(r[20]) END,
  follows: r[21], expected: CASE WHEN r[22] = '' THEN NULL ELSE to_double(r[22]) END, spent: 0, interrupted: 0, fell_back: false, reason: ''})
