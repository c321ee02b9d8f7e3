// purpose: what persons were asked of tasks
// params: ids
// returns: one row {n} each
MATCH (n:Approval) WHERE n.task_id IN $ids
RETURN n
