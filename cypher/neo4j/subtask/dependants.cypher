// purpose: the subtasks that depend directly on some, as far as undoing a verdict needs them
// params: ids
// returns: one row {id, key, status, optional, reason} each
UNWIND $ids AS id
MATCH (d:Subtask)-[:DEPENDS_ON]->(:Subtask {id: id})
WITH DISTINCT d
RETURN d.id AS id, d.key AS key, d.status AS status, coalesce(d.is_optional, false) AS is_optional,
  coalesce(d.reason, '') AS reason
