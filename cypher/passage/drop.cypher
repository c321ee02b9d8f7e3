// purpose: removes the passages of a task that is being removed
// params: task
// returns: nothing
MATCH (p:Passage) WHERE p.task_id = $task
DELETE p
