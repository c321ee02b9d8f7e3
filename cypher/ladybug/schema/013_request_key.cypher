// purpose: the idempotency keys of callers, as durable as the tasks that they made
// returns: nothing
CREATE NODE TABLE IF NOT EXISTS RequestKey(key STRING PRIMARY KEY, namespace STRING, hash STRING, task_id STRING, subtasks INT64, queued INT64, created_at INT64)
