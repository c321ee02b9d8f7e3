// purpose: the column of the agent that an attempt ran at
// returns: nothing
ALTER TABLE Attempt ADD IF NOT EXISTS agent_id STRING
