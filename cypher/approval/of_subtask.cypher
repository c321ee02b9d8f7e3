// purpose: what was asked of one subtask
// params: subtask
// returns: one row {a} per request, the oldest first
MATCH (s:Subtask)-[:ASKED]->(a:Approval) WHERE s.id = $subtask
RETURN a
ORDER BY a.token
