// purpose: what subtasks fail of, the most frequent first; first is the id of the oldest task that counts
// params: namespace, first, limit
// defaults: {"first": "", "limit": 50}
// returns: one row {type, category, message, subtasks, tasks, last_at, example} each; example is a task
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.namespace = $namespace AND t.id >= $first AND s.status IN ['failed', 'quarantined']
OPTIONAL MATCH (s)-[:HAS_ATTEMPT]->(a:Attempt)
WHERE a.token = s.token
WITH t, s, coalesce(s.error, a.error) AS told
WHERE told IS NOT NULL
WITH t, s, split_part(split_part(told, '"category": "', 2), '"', 1) AS category,
  split_part(split_part(told, '"message": "', 2), '", "suggestion', 1) AS message
RETURN s.type AS type, category, message, count(*) AS subtasks, count(DISTINCT t.id) AS tasks,
  max(s.completed_at) AS last_at, max(t.id) AS example
ORDER BY subtasks DESC, last_at DESC
LIMIT $limit
