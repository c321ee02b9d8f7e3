// purpose: what the drawing and the order of a task need of its subtasks, in plan order
// params: task
// returns: one row {id, key, type, status, generation, rank, priority} per subtask
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.id = $task
RETURN s.id AS id, s.key AS key, s.type AS type, s.status AS status, s.generation AS generation, s.rank AS rank,
  s.priority AS priority
ORDER BY id
