// purpose: the column that says that an attempt's output holds something from outside
// returns: nothing
ALTER TABLE Attempt ADD IF NOT EXISTS tainted BOOLEAN
