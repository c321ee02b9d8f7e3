// purpose: the open commands for an engine: the property is present until the answer
// returns: nothing
CREATE INDEX command_owner IF NOT EXISTS FOR (n:Command) ON (n.owner)
