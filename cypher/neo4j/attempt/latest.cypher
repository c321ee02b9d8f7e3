// purpose: the attempts with the current token of subtasks
// params: rows
// returns: one row {id, a} per attempt that was recorded
UNWIND $rows AS r
MATCH (s:Subtask {id: r.id})-[:HAS_ATTEMPT]->(a:Attempt)
WHERE a.token = r.token
RETURN r.id AS id, a
