// purpose: the blobs that went with a task are gone
// params: id
// returns: nothing
MATCH (t:Task) WHERE t.id = $id AND NOT t.stored
SET t.condemned = NULL
