// purpose: writes one row of archived requests
// params: namespace, key, hash, task_id, subtasks, queued, created_at
// returns: nothing
CREATE (:RequestKey {
  namespace: $namespace, key: $key, hash: $hash, task_id: $task_id, subtasks: $subtasks, queued: $queued,
  created_at: $created_at})
