// purpose: how far the callbacks of a task are
// returns: nothing
CREATE NODE TABLE IF NOT EXISTS Callback(id STRING PRIMARY KEY, namespace STRING, engine STRING, places STRING, created_at INT64)
