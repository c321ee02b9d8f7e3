// purpose: what the attempts of routed subtasks were asked to do
// params: rows
// returns: nothing; rows are [attempt id, request as JSON text]
UNWIND $rows AS r
MATCH (a:Attempt) WHERE a.id = r[1]
SET a.request = r[2]
