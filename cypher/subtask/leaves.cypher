// purpose: the subtasks on which nothing depends: their outputs are the task's result
// params: task, limit
// returns: one row {id, key} each, in plan order
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.id = $task AND NOT EXISTS { MATCH (s)<-[:DEPENDS_ON]-(:Subtask) }
RETURN s.id AS id, s.key AS key
ORDER BY s.id
LIMIT $limit
