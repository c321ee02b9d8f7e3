// purpose: attaches a task's subtasks to it
// params: task
// returns: nothing
MATCH (t:Task) WHERE t.id = $task
MATCH (s:Subtask) WHERE s.task_id = $task
CREATE (t)-[:HAS_SUBTASK]->(s)
