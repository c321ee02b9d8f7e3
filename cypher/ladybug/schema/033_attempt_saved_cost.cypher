// purpose: the column of the same in US dollars
// returns: nothing
ALTER TABLE Attempt ADD IF NOT EXISTS saved_cost DOUBLE
