// purpose: the column of the most memory that a process of an attempt held
// returns: nothing
ALTER TABLE Attempt ADD IF NOT EXISTS memory_bytes INT64
