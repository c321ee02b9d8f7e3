// purpose: the edges that the engine's adjacency of a running task is rebuilt from at start
// params: task
// returns: one row {dependant, dependency} of ids per edge
MATCH (t:Task)-[:HAS_SUBTASK]->(d:Subtask)-[:DEPENDS_ON]->(s:Subtask)
WHERE t.id = $task
RETURN d.id AS dependant, s.id AS dependency
