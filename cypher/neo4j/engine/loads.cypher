// purpose: the engines of a namespace that take tasks from others, the one with least to do first
// params: namespace, timeout
// returns: one row {id, unsettled, room} each; one that gave no sign of life for timeout milliseconds, has left or takes nothing does not count
MATCH (e:Engine {namespace: $namespace})
WHERE e.heartbeat_at >= timestamp() - $timeout AND NOT coalesce(e.left, false) AND e.unsettled IS NOT NULL
RETURN e.id AS id, e.unsettled AS unsettled, e.room AS room
ORDER BY unsettled, id
