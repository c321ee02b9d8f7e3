// purpose: the task that a caller's idempotency key has made, the hash of what was sent with it, and what was answered
// params: key
// returns: one row {hash, task_id, stored, subtasks, queued, estimate}, or none; stored is false while the task is being written
MATCH (k:RequestKey) WHERE k.key = $key
OPTIONAL MATCH (t:Task) WHERE t.id = k.task_id
RETURN k.hash AS hash, k.task_id AS task_id, coalesce(t.stored, false) AS stored,
  k.subtasks AS subtasks, k.queued AS queued, t.estimate AS estimate
