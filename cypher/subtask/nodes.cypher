// purpose: what the drawing and the order of a task need of its subtasks, in plan order
// params: task
// returns: one row {id, key, type, status, generation, rank, priority, started_at, completed_at, expected} per subtask
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.id = $task
RETURN s.id AS id, s.key AS key, s.type AS type, s.status AS status, s.generation AS generation, s.rank AS rank,
  s.priority AS priority, s.started_at AS started_at, s.completed_at AS completed_at, s.expected AS expected
ORDER BY id
