// purpose: a page of the Results whose text is in the blob store
// params: namespace, after, limit
// returns: one row {hash} each, in order
MATCH (r:Result)
WHERE r.hash > $after AND r.namespace = $namespace AND r.body IS NULL
RETURN r.hash AS hash
ORDER BY hash
LIMIT $limit
