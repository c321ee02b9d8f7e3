// purpose: the counts of running tasks, at most once a second; starts a task that has its first claim
// params: engine, epoch, rows, at
// from -> to: task pending -> processing
// returns: one row {tasks}; no row when the engine is fenced
MATCH (e:Engine {id: $engine}) WHERE e.epoch = $epoch
CALL () {
  UNWIND $rows AS r
  MATCH (t:Task {id: r.id}) WHERE t.open_owner = $engine
  SET t.counts = r.counts, t.updated_at = $at, t.subtasks_count = r.total,
      t.status = CASE t.status WHEN 'pending' THEN 'processing' ELSE t.status END,
      t.started_at = coalesce(t.started_at, r.started_at)
  RETURN count(t) AS tasks
}
RETURN tasks
