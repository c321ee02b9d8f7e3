// purpose: forgets the callbacks of a task
// params: id
// returns: nothing
MATCH (c:Callback) WHERE c.id = $id
DELETE c
