// purpose: the column of the hash that an output may be found by again
// returns: nothing
ALTER TABLE Attempt ADD IF NOT EXISTS cache_key STRING
