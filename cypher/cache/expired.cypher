// purpose: the keys of some outputs that are too old to be reused
// params: namespace, now, limit
// returns: one row {key} each
MATCH (c:CacheEntry)
WHERE c.expires_at <= $now AND c.namespace = $namespace
RETURN c.key AS key
LIMIT $limit
