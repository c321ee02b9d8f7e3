// purpose: the log of a task in the order of time
// returns: nothing
CREATE INDEX log_line_task IF NOT EXISTS FOR (n:LogLine) ON (n.task_id, n.id)
