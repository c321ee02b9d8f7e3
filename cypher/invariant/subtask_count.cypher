// purpose: rule: a final task says how many subtasks it has
// params: namespace
// returns: one row {id, said, found} per breach
MATCH (t:Task)
WHERE t.namespace = $namespace AND t.stored AND t.status IN ['completed', 'failed', 'cancelled']
OPTIONAL MATCH (t)-[:HAS_SUBTASK]->(s:Subtask)
WITH t, count(s) AS found
WHERE t.subtasks_count <> found
RETURN t.id AS id, t.subtasks_count AS said, found AS found
LIMIT 100
