// purpose: rule: a subtask belongs to one task and depends on subtasks of that task only
// params: namespace
// returns: one row {id, dependency} per breach
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)-[:DEPENDS_ON]->(d:Subtask)
WHERE t.namespace = $namespace AND (s.task_id <> t.id OR d.task_id <> t.id)
RETURN s.id AS id, d.id AS dependency
LIMIT 100
