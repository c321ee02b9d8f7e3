// purpose: pending subtasks whose dependencies are all settled: what a crash left between two turns
// params: task
// returns: one row {id, key} each
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.id = $task AND s.status = 'pending' AND s.unmet = 0
RETURN s.id AS id, s.key AS key
ORDER BY s.id
