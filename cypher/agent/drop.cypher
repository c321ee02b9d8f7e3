// purpose: removes the talks of the agents of a task that is being removed
// params: task
// returns: nothing
MATCH (a:AgentStep) WHERE a.task_id = $task
DETACH DELETE a
