// purpose: tasks
// returns: nothing
CREATE NODE TABLE IF NOT EXISTS Task(id STRING PRIMARY KEY, namespace STRING, type STRING, name STRING, description STRING, user_id STRING, tags STRING[], priority INT64, max_parallel INT64, failure_policy STRING, body STRING, status STRING, owner STRING, open_owner STRING, gate STRING, stored BOOLEAN, loader STRING, created_at INT64, updated_at INT64, started_at INT64, completed_at INT64, subtasks_count INT64, counts STRING, result STRING, result_hash STRING, error STRING)
