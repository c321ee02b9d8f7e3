// purpose: the verdict on pending subtasks whose dependencies are all settled
// params: rows, now
// from -> to: pending -> ready | blocked | skipped
// returns: one row {id, task_id, key, status, order_key, type} per subtask decided here; rows are [id, to, error]
UNWIND $rows AS r
MATCH (s:Subtask)
WHERE s.id = r[1] AND s.status = 'pending' AND s.unmet = 0
SET s.status = r[2], s.error = nullif(r[3], ''), s.completed_at = CASE WHEN r[2] = 'ready' THEN NULL ELSE $now END
RETURN s.id AS id, s.task_id AS task_id, s.key AS key, s.status AS status, s.order_key AS order_key, s.type AS type
