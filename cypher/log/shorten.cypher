// purpose: removes the oldest lines of a log
// params: namespace, limit
// returns: one row {removed}
MATCH (l:LogLine) WHERE l.namespace = $namespace
WITH l ORDER BY l.id LIMIT $limit
DELETE l
RETURN count(*) AS removed
