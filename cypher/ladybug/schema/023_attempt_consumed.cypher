// purpose: the column of the subtasks whose outputs an attempt has used
// returns: nothing
ALTER TABLE Attempt ADD IF NOT EXISTS consumed STRING
