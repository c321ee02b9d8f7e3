// purpose: subtasks
// returns: nothing
CREATE NODE TABLE IF NOT EXISTS Subtask(id STRING PRIMARY KEY, namespace STRING, task_id STRING, key STRING, type STRING, position INT64, spec STRING, status STRING, unmet INT64, bad INT64, skips INT64, token INT64, fresh_token INT64, spent INT64, interrupted INT64, priority INT64, critical BOOLEAN, is_optional BOOLEAN, judged BOOLEAN, timed BOOLEAN, fell_back BOOLEAN, generation INT64, rank DOUBLE, order_key STRING, queued_at INT64, started_at INT64, completed_at INT64, wake_at INT64, reason STRING, error STRING)
