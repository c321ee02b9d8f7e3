// purpose: ready subtasks that wait for a limit to open
// returns: nothing
CREATE INDEX subtask_hold IF NOT EXISTS FOR (n:Subtask) ON (n.hold_key)
