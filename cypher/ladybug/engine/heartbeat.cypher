// purpose: an engine's sign of life, by the host's clock
// params: engine, epoch, now
// returns: one row {now} in milliseconds; no row when the engine is fenced
MATCH (e:Engine) WHERE e.id = $engine AND e.epoch = $epoch
SET e.heartbeat_at = $now
RETURN e.heartbeat_at AS now
