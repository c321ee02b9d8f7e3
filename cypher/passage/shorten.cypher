// purpose: removes the oldest passages of a namespace
// params: namespace, limit
// returns: one row {removed}
MATCH (p:Passage) WHERE p.namespace = $namespace
WITH p ORDER BY p.at LIMIT $limit
DELETE p
RETURN count(*) AS removed
