// purpose: one step of an agent's talk: an answer of the model, or what came of a tool call
// returns: nothing
CREATE NODE TABLE IF NOT EXISTS AgentStep(id STRING PRIMARY KEY, namespace STRING, task_id STRING, subtask_id STRING, token INT64, talk STRING, turn INT64, call STRING, at INT64, body STRING)
