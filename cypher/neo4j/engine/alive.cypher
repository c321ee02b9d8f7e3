// purpose: the engines of a namespace that work at this moment
// params: namespace, timeout
// returns: one row {id} each; one that gave no sign of life for timeout milliseconds does not count
MATCH (e:Engine {namespace: $namespace})
WHERE e.heartbeat_at >= timestamp() - $timeout AND NOT coalesce(e.left, false)
RETURN e.id AS id
ORDER BY id
