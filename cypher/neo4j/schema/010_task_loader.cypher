// purpose: tasks that are being written
// returns: nothing
CREATE INDEX task_loader IF NOT EXISTS FOR (n:Task) ON (n.loader)
