// purpose: results by content hash
// returns: nothing
CREATE NODE TABLE IF NOT EXISTS Result(hash STRING PRIMARY KEY, namespace STRING, bytes INT64, body STRING, created_at INT64)
