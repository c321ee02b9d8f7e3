// purpose: cancels a batch of a task's waiting subtasks, walking them by id; running ones are settled by their turn
// params: engine, epoch, task, after, limit, at, namespace, event
// from -> to: pending | ready | retrying | awaiting_approval -> cancelled
// returns: one row {changes, last}; last is null after the last batch; no row when the engine is fenced
MATCH (e:Engine {id: $engine})
SET e.lock = true REMOVE e.lock
WITH e WHERE e.epoch = $epoch
CALL () {
  MATCH (s:Subtask) USING INDEX s:Subtask(id)
  WHERE s.id > $after AND s.id < $task + '/'
  WITH s ORDER BY s.id LIMIT $limit
  RETURN collect(s) AS walked
}
WITH walked, [s IN walked WHERE s.status IN ['pending', 'ready', 'retrying', 'awaiting_approval']] AS waiting
WITH walked, waiting, [s IN waiting | 'cancel ' + s.status + ' cancelled 0 ' + s.id + ' ' + s.key] AS changes
FOREACH (s IN waiting | SET s.status = 'cancelled', s.completed_at = $at REMOVE s.ready_key, s.hold_key)
FOREACH (some IN CASE WHEN size(changes) > 0 THEN [1] ELSE [] END |
  CREATE (:Event {key: $event.key, namespace: $namespace, task_id: $task, at: $at, changes: changes,
    first: $event.first, last: $event.first + size(changes) - 1}))
RETURN changes, CASE WHEN size(walked) = $limit THEN walked[-1].id END AS last
