// purpose: attaches a batch of subtasks to their task
// params: rows
// returns: nothing; rows are [task id, subtask id]
UNWIND $rows AS r
MATCH (t:Task) WHERE t.id = r[1]
MATCH (s:Subtask) WHERE s.id = r[2]
CREATE (t)-[:HAS_SUBTASK]->(s)
