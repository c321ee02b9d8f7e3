// purpose: a batch of a task's subtasks
// params: id, limit
// returns: one row {id} each
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask) WHERE t.id = $id
RETURN s.id AS id
LIMIT $limit
