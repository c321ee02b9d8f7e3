// purpose: the column of the processor time of the processes of an attempt
// returns: nothing
ALTER TABLE Attempt ADD IF NOT EXISTS cpu_seconds DOUBLE
