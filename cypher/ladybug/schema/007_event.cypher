// purpose: one node holds what one turn changed in one task
// returns: nothing
CREATE NODE TABLE IF NOT EXISTS Event(key STRING PRIMARY KEY, namespace STRING, task_id STRING, turn STRING, first INT64, last INT64, at INT64, changes STRING[])
