// purpose: the tasks that changed lately
// returns: nothing
CREATE INDEX task_updated IF NOT EXISTS FOR (n:Task) ON (n.updated_at)
