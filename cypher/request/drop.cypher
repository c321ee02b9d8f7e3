// purpose: forgets the idempotency keys that have made a task
// params: task
// returns: nothing
MATCH (k:RequestKey) WHERE k.task_id = $task
DELETE k
