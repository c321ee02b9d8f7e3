// purpose: the column of what an attempt was asked to do, where a rule has chosen its tool
// returns: nothing
ALTER TABLE Attempt ADD IF NOT EXISTS request STRING
