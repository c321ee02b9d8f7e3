// purpose: the next ids of a task's subtasks after an id, and which of them still wait
// params: task, after, limit
// returns: one row {id, key, status} each, in order
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.id = $task AND s.id > $after
RETURN s.id AS id, s.key AS key, s.status AS status
ORDER BY s.id
LIMIT $limit
