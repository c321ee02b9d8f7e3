// purpose: the one attempt of each subtask that a rerun has taken over as it was
// params: rows
// returns: nothing
UNWIND $rows AS r
MATCH (s:Subtask {id: r.id})
CREATE (s)-[:HAS_ATTEMPT]->(a:Attempt)
SET a = r.attempt
