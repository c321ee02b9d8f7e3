// purpose: the engines of a namespace that take tasks from others, the one with least to do first
// params: namespace, timeout
// returns: one row {id, unsettled, room} each; one that gave no sign of life for timeout milliseconds, has left or takes nothing does not count; what was handed to it and is not taken up yet counts
MATCH (e:Engine {namespace: $namespace})
WHERE e.heartbeat_at >= timestamp() - $timeout AND NOT coalesce(e.left, false) AND e.unsettled IS NOT NULL
CALL (e) {
  MATCH (c:Command {owner: e.id}) WHERE c.hands
  MATCH (t:Task {id: c.task_id}) WHERE t.open_owner = e.id
  RETURN coalesce(sum(t.subtasks_count), 0) AS coming
}
RETURN e.id AS id, e.unsettled + coming AS unsettled, e.room - coming AS room
ORDER BY unsettled, id
