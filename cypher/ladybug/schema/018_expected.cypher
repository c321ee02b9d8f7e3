// purpose: the column of how long a subtask is expected to take, in seconds
// returns: nothing
ALTER TABLE Subtask ADD IF NOT EXISTS expected DOUBLE
