// purpose: outputs that may be used again of a namespace, in the order of their ids
// params: namespace, after, limit
// returns: one row {n} each
MATCH (n:CacheEntry) WHERE n.namespace = $namespace AND n.id > $after
RETURN n
ORDER BY n.id
LIMIT $limit
