// purpose: the fence of a write, and the id of the turn that it belongs to
// params: engine, epoch, turn
// returns: one row {epoch}; no row when the engine is fenced
MATCH (e:Engine) WHERE e.id = $engine AND e.epoch = $epoch
SET e.turn = $turn
RETURN e.epoch AS epoch
