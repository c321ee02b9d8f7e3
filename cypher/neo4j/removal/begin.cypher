// purpose: marks a final task as being removed: from here on nobody sees it, its idempotency key is free, and its callbacks end
// params: id, namespace, mark
// returns: one row {id}; no row when there is no such final task
MATCH (t:Task {id: $id})
SET t.lock = true REMOVE t.lock
WITH t WHERE t.namespace = $namespace AND t.stored AND t.status IN ['completed', 'failed', 'cancelled']
SET t.stored = false, t.loader = $mark
WITH t
OPTIONAL MATCH (k:RequestKey {task_id: t.id})
WITH t, collect(k) AS keys
FOREACH (k IN keys | DELETE k)
WITH t
OPTIONAL MATCH (c:Callback {id: t.id})
WITH t, collect(c) AS callbacks
FOREACH (c IN callbacks | DELETE c)
RETURN t.id AS id
