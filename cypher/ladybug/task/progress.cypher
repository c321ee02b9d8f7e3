// purpose: the counts of running tasks, at most once a second; starts a task that has its first claim
// params: engine, rows, at
// from -> to: task pending -> processing
// returns: one row {tasks}
UNWIND $rows AS r
MATCH (t:Task) WHERE t.id = r.id AND t.open_owner = $engine
SET t.counts = r.counts, t.updated_at = $at, t.subtasks_count = r.total,
    t.status = CASE WHEN t.status = 'pending' THEN 'processing' ELSE t.status END,
    t.started_at = coalesce(t.started_at, r.started_at)
RETURN count(*) AS tasks
