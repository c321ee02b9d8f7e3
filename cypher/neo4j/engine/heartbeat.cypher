// purpose: an engine's sign of life, by the database's clock
// params: engine, epoch
// returns: one row {now} in milliseconds; no row when the engine is fenced
MATCH (e:Engine {id: $engine}) WHERE e.epoch = $epoch
SET e.heartbeat_at = timestamp()
RETURN timestamp() AS now
