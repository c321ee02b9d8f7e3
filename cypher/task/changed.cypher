// purpose: the tasks that changed since a moment, the earliest change first
// params: namespace, since, after, limit
// returns: one row {id, type, name, user_id, status, gate, counts, subtasks_count, created_at, updated_at, started_at, completed_at} per task, those of the moment itself only above the id
MATCH (t:Task)
WHERE t.updated_at >= $since AND t.namespace = $namespace AND t.stored AND (t.updated_at > $since OR t.id > $after)
RETURN t.id AS id, t.type AS type, t.name AS name, t.user_id AS user_id, t.status AS status, t.gate AS gate,
  t.counts AS counts, t.subtasks_count AS subtasks_count, t.created_at AS created_at, t.updated_at AS updated_at,
  t.started_at AS started_at, t.completed_at AS completed_at
ORDER BY updated_at, id
LIMIT $limit
