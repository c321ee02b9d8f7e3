// purpose: removes a task and what belongs to it
// params: id
// returns: one row {removed}, or none
MATCH (t:Task) WHERE t.id = $id
DETACH DELETE t
