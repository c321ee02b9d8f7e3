// purpose: item to mapped subtask
// returns: nothing
CREATE REL TABLE IF NOT EXISTS EXPANDED_FROM(FROM Subtask TO Subtask)
