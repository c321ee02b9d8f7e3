// purpose: moves subtasks that are not running, each from the state that the decision was made for
// params: rows, now
// from -> to: pending -> ready | blocked | skipped | failed; retrying | awaiting_approval -> ready | failed | skipped; ready -> failed | skipped; failed | quarantined -> ready | skipped; blocked -> pending | skipped; skipped -> pending
// returns: one row {id, source, task_id, key, status, unmet, bad, skips, judged, optional, critical, order_key, type} per subtask moved here; rows are [id, source, to, whether its dependencies must be settled, error]
UNWIND $rows AS r
MATCH (s:Subtask)
WHERE s.id = r[1] AND s.status = r[2] AND (r[4] = '' OR s.unmet = 0)
  AND s.status IN ['pending', 'ready', 'retrying', 'awaiting_approval', 'failed', 'blocked', 'skipped', 'quarantined']
SET s.status = r[3], s.error = nullif(r[5], ''),
    s.completed_at = CASE WHEN r[3] IN ['ready', 'pending', 'awaiting_approval'] THEN NULL ELSE $now END,
    s.queued_at = CASE WHEN r[3] = 'ready' THEN $now ELSE s.queued_at END
RETURN s.id AS id, r[2] AS source, s.task_id AS task_id, s.key AS key, s.status AS status, s.unmet AS unmet, s.bad AS bad,
  s.skips AS skips, s.judged AS judged, s.is_optional AS is_optional, s.critical AS critical, s.order_key AS order_key,
  s.type AS type
