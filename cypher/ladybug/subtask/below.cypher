// purpose: what depends directly on a subtask and did not complete
// params: id, limit
// returns: one row {id, key, status} each, at most limit
MATCH (d:Subtask)-[:DEPENDS_ON]->(s:Subtask)
WHERE s.id = $id AND d.status <> 'completed'
RETURN d.id AS id, d.key AS key, d.status AS status
LIMIT $limit
