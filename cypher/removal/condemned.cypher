// purpose: the blobs that go with a task that is being removed
// params: id
// returns: one row {hashes}, null for none; no row when the task is gone
MATCH (t:Task) WHERE t.id = $id AND NOT t.stored
RETURN t.condemned AS hashes
