// purpose: the idempotency keys of callers, as durable as the tasks that they made
// returns: nothing
CREATE NODE TABLE IF NOT EXISTS RequestKey(key STRING PRIMARY KEY, namespace STRING, hash STRING, task_id STRING, created_at INT64)
