// purpose: the subtasks of a task that are marked as running: what an engine's death left behind
// params: task
// returns: one row {s} each
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.id = $task AND s.status = 'processing'
RETURN s
ORDER BY s.id
