// purpose: how many ready subtasks of a task go before an order key, "task|order"
// params: task, before
// returns: one row {number}
MATCH (s:Subtask) USING INDEX s:Subtask(ready_key)
WHERE s.ready_key >= $task + '|' AND s.ready_key < $before
RETURN count(*) AS number
