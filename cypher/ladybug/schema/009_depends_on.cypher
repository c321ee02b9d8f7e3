// purpose: dependant to dependency
// returns: nothing
CREATE REL TABLE IF NOT EXISTS DEPENDS_ON(FROM Subtask TO Subtask)
