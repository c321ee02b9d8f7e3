// purpose: subtasks as they are
// params: ids
// returns: one row {s} each
UNWIND $ids AS wanted
MATCH (s:Subtask) WHERE s.id = wanted
RETURN s
