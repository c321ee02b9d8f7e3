// purpose: final tasks that ended before a moment, oldest first; no task above the id can be one
// params: namespace, before_id, before, limit
// returns: one row {id} per task
MATCH (t:Task)
WHERE t.id < $before_id AND t.namespace = $namespace AND t.stored
  AND t.status IN ['completed', 'failed', 'cancelled'] AND t.completed_at < $before
RETURN t.id AS id
ORDER BY id
LIMIT $limit
