// purpose: the open tasks of an engine: the property is present only while a task is open
// returns: nothing
CREATE INDEX task_open_owner IF NOT EXISTS FOR (n:Task) ON (n.open_owner)
