// purpose: pending subtasks whose dependencies are all settled: what a crash left between two turns
// params: task
// returns: one row {task_id, id, key, bad, skips, judged, optional, critical} each
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.id = $task AND s.status = 'pending' AND s.unmet = 0
RETURN s.task_id AS task_id, s.id AS id, s.key AS key, s.bad AS bad, coalesce(s.skips, 0) AS skips,
  coalesce(s.judged, false) AS judged, coalesce(s.is_optional, false) AS is_optional, s.critical AS critical
ORDER BY id
