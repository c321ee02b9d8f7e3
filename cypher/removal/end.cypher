// purpose: removes the node of a task of which nothing else is left
// params: id
// returns: nothing; one that remembers blobs stays
MATCH (t:Task) WHERE t.id = $id AND NOT t.stored AND t.condemned IS NULL
DETACH DELETE t
