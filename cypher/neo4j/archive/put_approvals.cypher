// purpose: writes archived approvals
// params: rows
// returns: nothing
UNWIND $rows AS r
MATCH (s:Subtask {id: r.subtask_id})
CREATE (s)-[:ASKED]->(n:Approval)
SET n = r
