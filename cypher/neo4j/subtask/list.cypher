// purpose: a page of a task's subtasks in plan order
// params: task, after, status, limit
// returns: one row {s} per subtask
MATCH (s:Subtask) USING INDEX s:Subtask(id)
WHERE s.id > $after AND s.id > $task + '.' AND s.id < $task + '/' AND ($status = '' OR s.status = $status)
RETURN s
ORDER BY s.id
LIMIT $limit
