// purpose: attempts
// returns: nothing
CREATE NODE TABLE IF NOT EXISTS Attempt(id STRING PRIMARY KEY, namespace STRING, token INT64, outcome STRING, ran_on STRING, started_at INT64, finished_at INT64, output STRING, output_hash STRING, output_bytes INT64, error STRING)
