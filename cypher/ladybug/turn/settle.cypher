// purpose: settles running subtasks whose attempt is current
// params: rows, now
// from -> to: processing -> completed | failed | cancelled | ready | retrying | awaiting_approval | quarantined
// returns: one row {id, task_id, key, status, token, order_key, type} per subtask settled here; rows are [id, token, to]
UNWIND $rows AS r
MATCH (s:Subtask)
WHERE s.id = r[1] AND s.status = 'processing' AND s.token = to_int64(r[2])
SET s.status = r[3],
    s.completed_at = CASE WHEN r[3] IN ['ready', 'retrying', 'awaiting_approval'] THEN NULL ELSE $now END,
    s.queued_at = CASE WHEN r[3] = 'ready' THEN $now ELSE s.queued_at END
RETURN s.id AS id, s.task_id AS task_id, s.key AS key, s.status AS status, s.token AS token,
  s.order_key AS order_key, s.type AS type
