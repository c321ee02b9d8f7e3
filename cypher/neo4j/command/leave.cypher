// purpose: leaves a command for the engine that owns a task; the lock waits for an adoption that is under way
// params: id, namespace, task, body, at
// returns: one row {owner}; no row when the task is not open
MATCH (t:Task {id: $task}) WHERE t.namespace = $namespace AND t.stored
SET t.lock = true REMOVE t.lock
WITH t WHERE t.open_owner IS NOT NULL
MERGE (c:Command {id: $id})
ON CREATE SET c.namespace = $namespace, c.task_id = $task, c.owner = t.open_owner, c.body = $body, c.at = $at
RETURN t.open_owner AS owner
