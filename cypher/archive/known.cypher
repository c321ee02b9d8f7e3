// purpose: which ids tasks have, also tasks that nobody sees
// params: ids
// returns: one row {id} each
UNWIND $ids AS wanted
MATCH (t:Task) WHERE t.id = wanted
RETURN t.id AS id
