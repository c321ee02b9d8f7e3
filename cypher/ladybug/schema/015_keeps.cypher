// purpose: what keeps a Result from being removed: whoever produced or reuses it
// returns: nothing
CREATE REL TABLE IF NOT EXISTS KEEPS(FROM Subtask TO Result, FROM Task TO Result)
