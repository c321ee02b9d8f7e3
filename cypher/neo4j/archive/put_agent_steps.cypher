// purpose: writes archived agent steps
// params: rows
// returns: nothing
UNWIND $rows AS r
MATCH (s:Subtask {id: r.subtask_id})
CREATE (s)-[:STEPPED]->(n:AgentStep)
SET n = r
