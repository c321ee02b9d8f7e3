// purpose: the ready frontier: the property is present only while a subtask can be claimed
// returns: nothing
CREATE INDEX subtask_ready IF NOT EXISTS FOR (n:Subtask) ON (n.ready_key)
