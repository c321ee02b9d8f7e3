// purpose: the column of maps that go over the items of another map
// returns: nothing
ALTER TABLE Subtask ADD IF NOT EXISTS follows STRING DEFAULT ''
