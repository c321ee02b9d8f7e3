// purpose: a batch of subtasks of one task
// params: task, subtasks
// from -> to: nothing -> pending | ready
// returns: nothing
MATCH (t:Task {id: $task})
UNWIND $subtasks AS r
CREATE (t)-[:HAS_SUBTASK]->(s:Subtask)
SET s = r
