// purpose: removes a batch of subtasks with their edges
// params: ids
// returns: nothing
UNWIND $ids AS wanted
MATCH (s:Subtask) WHERE s.id = wanted
DETACH DELETE s
