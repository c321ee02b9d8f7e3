// purpose: tells whether a turn was committed: each turn leaves its id on its engine's node
// params: engine, epoch
// returns: one row {turn}; no row when the engine is fenced
MATCH (e:Engine {id: $engine}) WHERE e.epoch = $epoch
RETURN e.turn AS turn
