// purpose: writes archived attempts
// params: rows
// returns: nothing; rows are {subtask, properties}
UNWIND $rows AS r
MATCH (s:Subtask {id: r.subtask})
CREATE (s)-[:HAS_ATTEMPT]->(a:Attempt)
SET a = r.properties
