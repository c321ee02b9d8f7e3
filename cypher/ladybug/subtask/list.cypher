// purpose: a page of a task's subtasks in plan order
// params: task, after, status, limit
// returns: one row {s} per subtask
// the page is found by two columns, and of its rows only what is shown is read: whole nodes take four times as long
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.id = $task
WITH s.id AS id, s.status AS status
WHERE id > $after AND ($status = '' OR status = $status)
WITH id
ORDER BY id
LIMIT $limit
MATCH (s:Subtask)
WHERE s.id = id
RETURN {
  id: s.id, task_id: s.task_id, key: s.key, type: s.type, position: s.position, spec: s.spec, status: s.status,
  unmet: s.unmet, token: s.token, spent: s.spent, interrupted: s.interrupted, priority: s.priority,
  critical: s.critical, is_optional: s.is_optional, generation: s.generation, rank: s.rank,
  fell_back: s.fell_back, order_key: s.order_key, queued_at: s.queued_at, started_at: s.started_at,
  completed_at: s.completed_at, wake_at: s.wake_at, reason: s.reason, error: s.error, expected: s.expected
} AS s
ORDER BY id
