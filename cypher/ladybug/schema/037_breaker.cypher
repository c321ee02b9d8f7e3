// purpose: breakers that are open
// returns: nothing
CREATE NODE TABLE IF NOT EXISTS Breaker(id STRING PRIMARY KEY, namespace STRING, key STRING, data STRING, updated_at INT64)
