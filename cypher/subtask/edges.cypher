// purpose: the dependencies of a task by key
// params: task
// returns: one row {dependant, dependency} per edge
MATCH (t:Task)-[:HAS_SUBTASK]->(d:Subtask)-[:DEPENDS_ON]->(s:Subtask)
WHERE t.id = $task
RETURN d.key AS dependant, s.key AS dependency
