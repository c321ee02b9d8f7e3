// purpose: the idempotency key that made a task
// returns: nothing
CREATE INDEX request_task IF NOT EXISTS FOR (n:RequestKey) ON (n.task_id)
