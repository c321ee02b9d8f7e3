// purpose: what could start now if there were slots, the most urgent of each task first
// params: namespace, task, limit
// defaults: {"task": "", "limit": 100}
// returns: one row {task, key, type, priority, expected_seconds, ready_since} each; times are milliseconds since 1970 UTC
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.namespace = $namespace AND t.open_owner > '' AND ($task = '' OR t.id = $task) AND s.status = 'ready'
RETURN t.id AS task, s.key AS key, s.type AS type, s.priority AS priority, s.expected AS expected_seconds,
  s.queued_at AS ready_since
ORDER BY s.order_key
LIMIT $limit
