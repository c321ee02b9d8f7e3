// purpose: removes a batch of lines that are too old
// params: namespace, before, limit
// returns: one row {removed}
MATCH (l:LogLine) WHERE l.namespace = $namespace AND l.id < $before
WITH l LIMIT $limit
DELETE l
RETURN count(*) AS removed
