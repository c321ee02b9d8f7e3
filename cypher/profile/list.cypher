// purpose: what the engines of a namespace have learned, the latest first
// params: namespace, limit
// returns: one row {engine, kind, data, updated_at} each
MATCH (p:`Profile`) WHERE p.namespace = $namespace
RETURN p.engine AS engine, p.kind AS kind, p.data AS data, p.updated_at AS updated_at
ORDER BY updated_at DESC
LIMIT $limit
