// purpose: enters an engine, or its next life, with a higher epoch
// params: engine, namespace, at
// returns: one row {epoch}
MERGE (e:Engine {id: $engine})
SET e.namespace = $namespace, e.epoch = coalesce(e.epoch, 0) + 1, e.started_at = $at, e.heartbeat_at = $at, e.turn = ''
RETURN e.epoch AS epoch
