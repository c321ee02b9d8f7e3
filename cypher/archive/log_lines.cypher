// purpose: the log of tasks
// params: ids
// returns: one row {n} each
MATCH (n:LogLine) WHERE n.task_id IN $ids
RETURN n
