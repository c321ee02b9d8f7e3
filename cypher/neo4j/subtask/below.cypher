// purpose: what depends directly on some subtasks and did not complete
// params: ids, limit
// returns: one row {id, key, status} each, at most limit
UNWIND $ids AS id
MATCH (d:Subtask)-[:DEPENDS_ON]->(:Subtask {id: id})
WHERE d.status <> 'completed'
WITH DISTINCT d LIMIT $limit
RETURN d.id AS id, d.key AS key, d.status AS status
