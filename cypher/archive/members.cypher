// purpose: the subtasks of a task
// params: id
// returns: one row {id} each
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask) WHERE t.id = $id
RETURN s.id AS id
ORDER BY id
