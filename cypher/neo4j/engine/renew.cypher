// purpose: raises the epoch of an engine by its own hand: what it sent before and took no effect yet never will
// params: engine, epoch, renewal
// returns: one row {epoch}, the same for a renewal that is sent again; no row when the engine is fenced
MATCH (e:Engine {id: $engine})
SET e.lock = true REMOVE e.lock
WITH e WHERE e.epoch = $epoch OR (e.epoch = $epoch + 1 AND e.renewal = $renewal)
SET e.epoch = $epoch + 1, e.renewal = $renewal
RETURN e.epoch AS epoch
