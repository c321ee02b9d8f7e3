// purpose: agents in other processes, by namespace and id
// returns: nothing
CREATE CONSTRAINT agent_id IF NOT EXISTS FOR (n:Agent) REQUIRE n.id IS UNIQUE
