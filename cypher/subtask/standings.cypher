// purpose: where each subtask of a task stands and since when, for forecasts, in plan order
// params: task
// returns: one row {id, key, type, status, order_key, started_at, completed_at, expected} per subtask
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.id = $task
RETURN s.id AS id, s.key AS key, s.type AS type, s.status AS status, s.order_key AS order_key,
  s.started_at AS started_at, s.completed_at AS completed_at, s.expected AS expected
ORDER BY id
