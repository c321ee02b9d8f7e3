// purpose: exact counts of one task
// params: id
// returns: one row {status, number} per status
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask) WHERE t.id = $id
RETURN s.status AS status, count(*) AS number
