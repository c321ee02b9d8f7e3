// purpose: subtask to attempt
// returns: nothing
CREATE REL TABLE IF NOT EXISTS HAS_ATTEMPT(FROM Subtask TO Attempt)
