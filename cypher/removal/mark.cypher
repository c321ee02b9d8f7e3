// purpose: marks a task that was never opened as being removed
// params: id, mark
// returns: nothing
MATCH (t:Task) WHERE t.id = $id AND NOT t.stored
SET t.loader = $mark
