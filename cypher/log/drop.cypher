// purpose: removes the log of a task that is being removed
// params: task
// returns: nothing
MATCH (l:LogLine) WHERE l.task_id = $task
DELETE l
