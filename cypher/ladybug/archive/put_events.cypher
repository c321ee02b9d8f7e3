// purpose: writes one row of archived events
// params: namespace, key, task_id, turn, first, last, at, changes
// returns: nothing
CREATE (:Event {
  namespace: $namespace, key: $key, task_id: $task_id, turn: $turn, first: $first, last: $last, at: $at,
  changes: $changes})
