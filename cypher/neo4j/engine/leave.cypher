// purpose: an engine stops in good order: others may take its open tasks over at once
// params: engine, epoch
// returns: one row {id}; no row when the engine is fenced
MATCH (e:Engine {id: $engine}) WHERE e.epoch = $epoch
SET e.left = true
RETURN e.id AS id
