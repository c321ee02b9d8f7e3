// purpose: outputs by the hash of what made them
// returns: nothing
CREATE NODE TABLE IF NOT EXISTS CacheEntry(id STRING PRIMARY KEY, namespace STRING, key STRING, type STRING, version STRING, tags STRING, parts STRING, output STRING, output_hash STRING, output_bytes INT64, seconds DOUBLE, cost DOUBLE, task_id STRING, subtask_id STRING, created_at INT64, expires_at INT64)
