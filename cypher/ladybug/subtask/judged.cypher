// purpose: what the verdict on a subtask with a run_if of its own needs
// params: id
// returns: one row {spec, id, key, status, optional} per dependency; one with nulls where there is none
MATCH (s:Subtask) WHERE s.id = $id
OPTIONAL MATCH (s)-[:DEPENDS_ON]->(d:Subtask)
RETURN s.spec AS spec, d.id AS id, d.key AS key, d.status AS status, d.is_optional AS is_optional
ORDER BY id
