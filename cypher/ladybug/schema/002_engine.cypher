// purpose: the engine, its epoch and the id of its last turn
// returns: nothing
CREATE NODE TABLE IF NOT EXISTS Engine(id STRING PRIMARY KEY, namespace STRING, epoch INT64, started_at INT64, heartbeat_at INT64, turn STRING)
