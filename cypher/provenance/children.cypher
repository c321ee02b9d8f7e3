// purpose: what some subtasks have grown
// params: ids
// returns: one row {id} each
UNWIND $ids AS wanted
MATCH (p:Subtask)<-[:EXPANDED_FROM]-(s:Subtask)
WHERE p.id = wanted
RETURN s.id AS id
