// purpose: one subtask by its key
// params: task, key
// returns: one row {s}, or none
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.id = $task AND s.key = $key
RETURN s
