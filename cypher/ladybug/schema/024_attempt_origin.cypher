// purpose: the column of the subtask whose output an attempt has taken over
// returns: nothing
ALTER TABLE Attempt ADD IF NOT EXISTS origin STRING
