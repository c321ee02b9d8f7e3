// purpose: the engines of all namespaces that have given a sign of life within the last minute
// returns: one row {id} each, ten at most
MATCH (e:Engine)
WHERE e.heartbeat_at >= timestamp() - 60000 AND NOT coalesce(e.left, false)
RETURN e.id AS id
ORDER BY id LIMIT 10
