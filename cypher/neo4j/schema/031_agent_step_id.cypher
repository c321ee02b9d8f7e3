// purpose: one step of an agent's talk, by subtask, talk, turn and call
// returns: nothing
CREATE CONSTRAINT agent_step_id IF NOT EXISTS FOR (n:AgentStep) REQUIRE n.id IS UNIQUE
