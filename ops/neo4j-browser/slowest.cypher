// The slowest subtasks of a task: seconds waited, taken and expected ($task)
MATCH (:Task {id: $task})-[:HAS_SUBTASK]->(s:Subtask)
WHERE s.completed_at >= s.started_at
RETURN s.key AS subtask, s.type AS type, s.status AS state, (s.started_at - s.queued_at) / 1000.0 AS waited,
  (s.completed_at - s.started_at) / 1000.0 AS took, s.expected AS expected
ORDER BY took DESC
LIMIT 25
