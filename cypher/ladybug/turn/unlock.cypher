// purpose: lowers the counters of dependants, once each; one that waits for nothing more and lost nothing is ready
// params: rows, now
// from -> to: pending -> ready
// returns: one row {id, waited, task_id, key, type, status, unmet, bad, skips, judged, optional, critical, order_key} per dependant; rows are [id, met, bad, skips]
// what is set is seen by what is set after it, so the status comes after whatever asks for it; and an alias of a mere
// property would see it too, so whether it waited is an expression
UNWIND $rows AS r
MATCH (d:Subtask)
WHERE d.id = r[1]
WITH d, r, d.status = 'pending' AS waited
SET d.queued_at = CASE WHEN d.status = 'pending' AND d.unmet = to_int64(r[2]) THEN $now ELSE d.queued_at END,
    d.status = CASE WHEN d.status = 'pending' AND d.unmet = to_int64(r[2]) AND d.bad + to_int64(r[3]) = 0
      AND NOT d.judged THEN 'ready' ELSE d.status END,
    d.unmet = d.unmet - to_int64(r[2]), d.bad = d.bad + to_int64(r[3]), d.skips = d.skips + to_int64(r[4])
RETURN d.id AS id, waited AS waited, d.task_id AS task_id, d.key AS key, d.type AS type, d.status AS status, d.unmet AS unmet,
  d.bad AS bad, d.skips AS skips, d.judged AS judged, d.is_optional AS is_optional, d.critical AS critical,
  d.order_key AS order_key
