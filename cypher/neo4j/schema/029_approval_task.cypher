// purpose: what was asked of a task
// returns: nothing
CREATE INDEX approval_task IF NOT EXISTS FOR (n:Approval) ON (n.task_id)
