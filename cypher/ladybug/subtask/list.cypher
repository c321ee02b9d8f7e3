// purpose: a page of a task's subtasks in plan order
// params: task, after, status, limit
// returns: one row {s} per subtask
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.id = $task AND s.id > $after AND ($status = '' OR s.status = $status)
RETURN s
ORDER BY s.id
LIMIT $limit
