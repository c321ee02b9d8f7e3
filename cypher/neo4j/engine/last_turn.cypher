// purpose: the id of an engine's last turn; it waits for a turn that is still on its way, by the same lock
// params: engine, epoch
// returns: one row {turn}; no row when the engine is fenced
MATCH (e:Engine {id: $engine})
SET e.lock = true REMOVE e.lock
WITH e WHERE e.epoch = $epoch
RETURN e.turn AS turn
