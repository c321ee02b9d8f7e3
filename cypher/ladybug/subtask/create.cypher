// purpose: a batch of subtasks
// params: rows, task, namespace
// from -> to: nothing -> pending | ready
// returns: nothing; rows are [id, key, type, position, spec, status, unmet, priority, critical, generation, rank, order key, queued at]
UNWIND $rows AS r
CREATE (:Subtask {
  id: r[1], namespace: $namespace, task_id: $task, key: r[2], type: r[3], position: to_int64(r[4]), spec: r[5],
  status: r[6], unmet: to_int64(r[7]), bad: 0, token: 0, priority: to_int64(r[8]), critical: r[9] = 'true',
  generation: to_int64(r[10]), rank: to_double(r[11]), order_key: r[12],
  queued_at: CASE WHEN r[13] = '' THEN NULL ELSE to_int64(r[13]) END})
