// purpose: the last sign of life of an engine, and whether it has signed off
// params: id
// returns: one row {at, gone}, or none
MATCH (e:Engine {id: $id})
RETURN e.heartbeat_at AS at, coalesce(e.left, false) AS gone
