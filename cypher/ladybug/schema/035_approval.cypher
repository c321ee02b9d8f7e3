// purpose: what a person was asked, and what he decided
// returns: nothing
CREATE NODE TABLE IF NOT EXISTS Approval(id STRING PRIMARY KEY, namespace STRING, task_id STRING, subtask_id STRING, token INT64, key STRING, type STRING, hash STRING, rule STRING, why STRING, asked_at INT64, until INT64, request STRING, state STRING, waits_in STRING, verdict_id STRING, decided_by STRING, decided_at INT64, comment STRING, amended STRING, approved_hash STRING)
