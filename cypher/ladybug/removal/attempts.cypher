// purpose: removes the attempts of a batch of subtasks
// params: ids
// returns: nothing
UNWIND $ids AS wanted
MATCH (s:Subtask)-[:HAS_ATTEMPT]->(a:Attempt) WHERE s.id = wanted
DETACH DELETE a
