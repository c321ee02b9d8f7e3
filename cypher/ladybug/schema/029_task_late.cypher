// purpose: the column of when it was told that a task is late
// returns: nothing
ALTER TABLE Task ADD IF NOT EXISTS late_at INT64
