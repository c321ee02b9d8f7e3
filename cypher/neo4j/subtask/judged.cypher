// purpose: what the verdict on subtasks with a run_if of their own needs
// params: ids
// returns: one row {id, spec, dependencies} per subtask; dependencies is a list of [id, key, status, optional]
UNWIND $ids AS id
MATCH (s:Subtask {id: id})
OPTIONAL MATCH (s)-[:DEPENDS_ON]->(d:Subtask)
WITH s, d ORDER BY d.id
RETURN s.id AS id, s.spec AS spec,
  [x IN collect(d) | [x.id, x.key, x.status, coalesce(x.is_optional, false)]] AS dependencies
