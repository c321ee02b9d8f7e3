// purpose: makes the held subtasks of a task claimable again
// params: task
// returns: one row {released}
MATCH (t:Task {id: $task})-[:HAS_SUBTASK]->(s:Subtask)
WHERE s.hold_key IS NOT NULL
SET s.ready_key = s.order_key REMOVE s.hold_key
RETURN count(s) AS released
