// purpose: the subtasks of a task whose current attempt holds something from outside
// params: task
// returns: one row {id} each
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)-[:HAS_ATTEMPT]->(a:Attempt)
WHERE t.id = $task AND a.tainted AND a.token = s.token
RETURN s.id AS id
