// purpose: the column that is equal for tasks of one plan
// returns: nothing
ALTER TABLE Task ADD IF NOT EXISTS plan_hash STRING
