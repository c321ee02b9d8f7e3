// purpose: the last sign of life of an engine; nobody signs off here
// params: id
// returns: one row {at, gone}, or none
MATCH (e:Engine)
WHERE e.id = $id
RETURN e.heartbeat_at AS at, false AS gone
