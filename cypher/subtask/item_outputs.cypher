// purpose: the items of a mapped subtask, as far as their outcome goes, in item order
// params: parent
// returns: one row {id, key, status, token, error} per item
MATCH (p:Subtask)<-[:EXPANDED_FROM]-(s:Subtask)
WHERE p.id = $parent
RETURN s.id AS id, s.key AS key, s.status AS status, s.token AS token, s.error AS error
ORDER BY id
