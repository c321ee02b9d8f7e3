// purpose: subtasks by id, as far as their outcome goes
// params: ids
// returns: one row {id, key, status, token, error} per subtask
UNWIND $ids AS id
MATCH (s:Subtask {id: id})
RETURN s.id AS id, s.key AS key, s.status AS status, s.token AS token, s.error AS error
