// purpose: how many tasks each user has, and how they stand
// params: namespace, user_id, limit
// defaults: {"user_id": "", "limit": 100}
// returns: one row {user_id, tasks, open, completed, failed, cancelled, last_at} each, those with most tasks first
MATCH (t:Task)
WHERE t.namespace = $namespace AND t.stored AND ($user_id = '' OR t.user_id = $user_id)
RETURN t.user_id AS user_id, count(*) AS tasks,
  sum(CASE WHEN t.status IN ['pending', 'processing'] THEN 1 ELSE 0 END) AS open,
  sum(CASE WHEN t.status = 'completed' THEN 1 ELSE 0 END) AS completed,
  sum(CASE WHEN t.status = 'failed' THEN 1 ELSE 0 END) AS failed,
  sum(CASE WHEN t.status = 'cancelled' THEN 1 ELSE 0 END) AS cancelled,
  max(t.created_at) AS last_at
ORDER BY tasks DESC, user_id
LIMIT $limit
