// purpose: enters an engine, or its next life, with a higher epoch; the lock fences its earlier life
// params: engine, namespace, at
// returns: one row {epoch}
MERGE (e:Engine {id: $engine})
SET e.lock = true REMOVE e.lock, e.left
SET e.namespace = $namespace, e.epoch = coalesce(e.epoch, 0) + 1, e.started_at = $at, e.heartbeat_at = timestamp(), e.turn = ''
RETURN e.epoch AS epoch
