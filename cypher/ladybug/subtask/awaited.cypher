// purpose: how many of some subtasks each of their joins waits for
// params: ids, joins
// returns: one row {id, number} per join that waits for any
MATCH (j:Subtask)-[:DEPENDS_ON]->(s:Subtask)
WHERE j.id IN $joins AND s.id IN $ids
RETURN j.id AS id, count(*) AS number
