// purpose: forgets an agent that has left or is gone, unless it has registered with another engine
// params: id, engine
// returns: nothing
MATCH (a:Agent) WHERE a.id = $id AND a.engine = $engine
DELETE a
