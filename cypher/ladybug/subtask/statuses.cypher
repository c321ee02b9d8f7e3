// purpose: subtasks by id, as far as undoing a verdict needs them
// params: ids
// returns: one row {id, key, status, optional, reason} each
UNWIND $ids AS wanted
MATCH (d:Subtask) WHERE d.id = wanted
RETURN d.id AS id, d.key AS key, d.status AS status, d.is_optional AS is_optional, coalesce(d.reason, '') AS reason
