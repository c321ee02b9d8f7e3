// purpose: the steps of a task's agents, which go with it
// returns: nothing
CREATE INDEX agent_step_task IF NOT EXISTS FOR (n:AgentStep) ON (n.task_id)
