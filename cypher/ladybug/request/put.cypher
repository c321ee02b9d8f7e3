// purpose: notes which task a caller's idempotency key has made
// params: key, namespace, hash, task_id, subtasks, queued, created_at
// returns: nothing
CREATE (:RequestKey {key: $key, namespace: $namespace, hash: $hash, task_id: $task_id, subtasks: $subtasks,
  queued: $queued, created_at: $created_at})
