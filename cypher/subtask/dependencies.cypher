// purpose: what a subtask depends on
// params: id
// returns: one row {key} each, in plan order
MATCH (s:Subtask)-[:DEPENDS_ON]->(d:Subtask)
WHERE s.id = $id
RETURN d.key AS key
ORDER BY d.id
