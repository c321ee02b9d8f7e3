// purpose: removes what was asked of a task that is being removed
// params: task
// returns: nothing
MATCH (a:Approval) WHERE a.task_id = $task
DETACH DELETE a
