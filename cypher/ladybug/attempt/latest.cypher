// purpose: the attempts with the current token of subtasks
// params: rows
// returns: one row {id, a} per attempt that was recorded
UNWIND $rows AS r
MATCH (a:Attempt) WHERE a.id = r.attempt
RETURN r.id AS id, a
