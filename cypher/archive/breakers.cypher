// purpose: breakers that are open of a namespace, in the order of their ids
// params: namespace, after, limit
// returns: one row {n} each
MATCH (n:Breaker) WHERE n.namespace = $namespace AND n.id > $after
RETURN n
ORDER BY n.id
LIMIT $limit
