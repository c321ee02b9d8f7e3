// purpose: what attempts have logged
// returns: nothing
CREATE NODE TABLE IF NOT EXISTS LogLine(id STRING PRIMARY KEY, namespace STRING, at INT64, level INT64, task_id STRING, key STRING, token INT64, agent_id STRING, engine STRING, message STRING, fields STRING)
