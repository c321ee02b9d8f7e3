// purpose: the attempts of subtasks as they are
// params: ids
// returns: one row {subtask, a} each
UNWIND $ids AS wanted
MATCH (s:Subtask)-[:HAS_ATTEMPT]->(a:Attempt) WHERE s.id = wanted
RETURN s.id AS subtask, a
