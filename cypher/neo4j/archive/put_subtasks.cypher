// purpose: writes archived subtasks
// params: rows
// returns: nothing
UNWIND $rows AS r
MATCH (t:Task {id: r.task_id})
CREATE (t)-[:HAS_SUBTASK]->(s:Subtask)
SET s = r
