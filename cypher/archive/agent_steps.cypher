// purpose: the steps of agents of tasks
// params: ids
// returns: one row {n} each
MATCH (n:AgentStep) WHERE n.task_id IN $ids
RETURN n
