// purpose: the column of what was expected of a task when it was taken
// returns: nothing
ALTER TABLE Task ADD IF NOT EXISTS estimate STRING
