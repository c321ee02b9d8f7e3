// purpose: the items of a mapped subtask
// params: parent
// returns: one row {id} each
MATCH (p:Subtask)<-[:EXPANDED_FROM]-(s:Subtask)
WHERE p.id = $parent
RETURN s.id AS id
