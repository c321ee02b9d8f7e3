// purpose: what a subtask has grown; only a single id is looked up by the index here
// params: id
// returns: one row {id} each
MATCH (p:Subtask)<-[:EXPANDED_FROM]-(s:Subtask)
WHERE p.id = $id
RETURN s.id AS id
