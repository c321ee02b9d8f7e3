// purpose: takes requests out of the list whose subtasks have moved on without a verdict
// params: ids
// returns: nothing
UNWIND $ids AS wanted
MATCH (a:Approval) WHERE a.id = wanted AND a.state = 'open'
SET a.state = 'void', a.waits_in = NULL
