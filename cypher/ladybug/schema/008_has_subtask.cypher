// purpose: task to subtask
// returns: nothing
CREATE REL TABLE IF NOT EXISTS HAS_SUBTASK(FROM Task TO Subtask)
