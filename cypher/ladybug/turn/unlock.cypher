// purpose: lowers the counters of dependants, once each; one that waits for nothing more and lost nothing is ready
// params: rows, now
// from -> to: pending -> ready
// returns: one row {id, task_id, key, type, status, unmet, bad, order_key} per dependant; rows are [id, met, bad]
UNWIND $rows AS r
MATCH (d:Subtask)
WHERE d.id = r[1]
SET d.status = CASE WHEN d.status = 'pending' AND d.unmet = to_int64(r[2]) AND d.bad + to_int64(r[3]) = 0
      THEN 'ready' ELSE d.status END,
    d.queued_at = CASE WHEN d.unmet = to_int64(r[2]) THEN $now ELSE d.queued_at END,
    d.unmet = d.unmet - to_int64(r[2]), d.bad = d.bad + to_int64(r[3])
RETURN d.id AS id, d.task_id AS task_id, d.key AS key, d.type AS type, d.status AS status, d.unmet AS unmet,
  d.bad AS bad, d.order_key AS order_key
