// purpose: a rerun to the task that it repeats
// returns: nothing
CREATE REL TABLE IF NOT EXISTS RERUN_OF(FROM Task TO Task)
