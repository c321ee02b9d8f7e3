// purpose: the column of the work that an attempt saved by taking an output from the cache
// returns: nothing
ALTER TABLE Attempt ADD IF NOT EXISTS saved_seconds DOUBLE
