// purpose: writes one row of the engines of a backup; what is there gives way
// params: namespace, id, epoch, started_at, heartbeat_at, turn
// returns: nothing
MERGE (n:Engine {id: $id})
SET n.namespace = $namespace, n.epoch = $epoch, n.started_at = $started_at, n.heartbeat_at = $heartbeat_at,
    n.turn = $turn
