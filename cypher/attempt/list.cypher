// purpose: the attempts of one subtask, oldest first
// params: id
// returns: one row {a} per attempt
MATCH (s:Subtask)-[:HAS_ATTEMPT]->(a:Attempt)
WHERE s.id = $id
RETURN a
ORDER BY a.token
