// purpose: ends an open task with its result or error
// params: id, engine, status, counts, total, at, started_at, result, result_hash, error
// from -> to: task pending | processing | paused -> completed | failed | cancelled
// returns: one row {id} when the task ended here
MATCH (t:Task) WHERE t.id = $id AND t.open_owner = $engine
SET t.status = $status, t.counts = $counts, t.subtasks_count = $total, t.completed_at = $at, t.updated_at = $at,
    t.started_at = coalesce(t.started_at, $started_at), t.result = $result, t.result_hash = $result_hash,
    t.error = $error, t.open_owner = '', t.gate = ''
RETURN t.id AS id
