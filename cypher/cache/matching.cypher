// purpose: the keys of outputs to be reused of a type, of a tag, of a version; an empty text is any
// params: namespace, type, tag, version, limit
// returns: one row {key} each
MATCH (c:CacheEntry)
WHERE c.namespace = $namespace AND ($type = '' OR c.type = $type) AND ($version = '' OR c.version = $version)
  AND ($tag = '' OR c.tags CONTAINS $tag)
RETURN c.key AS key
LIMIT $limit
