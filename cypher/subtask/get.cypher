// purpose: one subtask by its key
// params: task, key
// returns: one row {s}, or none
// the embedded planner would look for the key among all subtasks that there are, were it asked for beside the task
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.id = $task
WITH s
WHERE s.key = $key
RETURN s
