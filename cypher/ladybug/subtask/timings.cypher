// purpose: when the subtasks of a task ran, a page of them in plan order
// params: task, after, limit
// returns: one row {id, key, type, status, critical, token, queued_at, started_at, completed_at, expected} per subtask
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.id = $task AND s.id > $after
RETURN s.id AS id, s.key AS key, s.type AS type, s.status AS status, s.critical AS critical, s.token AS token,
  s.queued_at AS queued_at, s.started_at AS started_at, s.completed_at AS completed_at, s.expected AS expected
ORDER BY id
LIMIT $limit
