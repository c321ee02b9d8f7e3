// purpose: one node for what a turn changed in one task
// params: key, namespace, task_id, turn, first, last, at, changes
// returns: nothing
CREATE (:Event {key: $key, namespace: $namespace, task_id: $task_id, turn: $turn, first: $first, last: $last, at: $at,
  changes: $changes})
