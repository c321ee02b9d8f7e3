// purpose: the most urgent subtasks of a task in a state: those before the longest rest of the plan
// params: task, status, limit
// returns: one row {s} each
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.id = $task AND s.status = $status
RETURN s
ORDER BY s.rank DESC, s.id
LIMIT $limit
