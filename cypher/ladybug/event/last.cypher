// purpose: the number of a task's last event
// params: task
// returns: one row {last}
MATCH (v:Event) WHERE v.task_id = $task
RETURN max(v.last) AS last
