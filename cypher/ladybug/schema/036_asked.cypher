// purpose: subtask to what it asked
// returns: nothing
CREATE REL TABLE IF NOT EXISTS ASKED(FROM Subtask TO Approval)
