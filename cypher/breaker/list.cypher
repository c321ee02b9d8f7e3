// purpose: the breakers of a namespace that are open
// params: namespace
// returns: one row {key, data, updated_at} each
MATCH (b:Breaker) WHERE b.namespace = $namespace
RETURN b.key AS key, b.data AS data, b.updated_at AS updated_at
LIMIT 10000
