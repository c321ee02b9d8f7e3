// purpose: the idempotency keys of tasks
// params: ids
// returns: one row {n} each
MATCH (n:RequestKey) WHERE n.task_id IN $ids
RETURN n
