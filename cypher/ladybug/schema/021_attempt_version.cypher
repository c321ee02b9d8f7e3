// purpose: the column of the tool's version
// returns: nothing
ALTER TABLE Attempt ADD IF NOT EXISTS version STRING
