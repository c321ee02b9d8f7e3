// purpose: the tasks of one plan
// returns: nothing
CREATE INDEX task_plan IF NOT EXISTS FOR (n:Task) ON (n.plan_hash)
