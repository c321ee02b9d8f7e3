// purpose: what few moves leave on their subtask: the end of a back-off, counts of attempts, a reason
// params: rows
// returns: nothing; rows are [id, wake_at, spent, interrupted, fell_back, reason, fresh_token], empty where it stays as it is
UNWIND $rows AS r
MATCH (s:Subtask) WHERE s.id = r[1]
SET s.wake_at = CASE WHEN r[2] = '' THEN s.wake_at ELSE to_int64(r[2]) END,
    s.spent = CASE WHEN r[3] = '' THEN s.spent ELSE to_int64(r[3]) END,
    s.interrupted = CASE WHEN r[4] = '' THEN s.interrupted ELSE to_int64(r[4]) END,
    s.fell_back = CASE WHEN r[5] = '' THEN s.fell_back ELSE r[5] = 'true' END,
    s.reason = r[6],
    s.fresh_token = CASE WHEN r[7] = '' THEN s.fresh_token ELSE to_int64(r[7]) END
