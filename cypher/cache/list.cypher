// purpose: the outputs of a type to be reused, newest first
// params: namespace, type, limit
// returns: one row {c} each
MATCH (c:CacheEntry)
WHERE c.type = $type AND c.namespace = $namespace
RETURN c
ORDER BY c.created_at DESC, c.id
LIMIT $limit
