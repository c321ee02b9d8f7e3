// purpose: removes the node of a task of which nothing else is left
// params: id
// returns: one row {id}; none when the task remembers blobs, which must go first
MATCH (t:Task) WHERE t.id = $id AND NOT t.stored AND t.condemned IS NULL
WITH t, t.id AS id
DETACH DELETE t
RETURN id
