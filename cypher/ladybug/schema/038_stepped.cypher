// purpose: subtask to the steps of its agent
// returns: nothing
CREATE REL TABLE IF NOT EXISTS STEPPED(FROM Subtask TO AgentStep)
