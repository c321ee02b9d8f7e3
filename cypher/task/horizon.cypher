// purpose: how far back a search looks: the oldest of the newest tasks in a range of ids
// params: namespace, first, before, skip
// returns: one row {id}, none where there are not so many
MATCH (t:Task)
WHERE t.id >= $first AND t.id < $before AND t.namespace = $namespace AND t.stored
RETURN t.id AS id
ORDER BY t.id DESC
SKIP $skip
LIMIT 1
