// purpose: the agents of a namespace
// params: namespace
// returns: one row for each with its properties, by id
MATCH (a:Agent) WHERE a.namespace = $namespace
RETURN a.agent_id AS agent_id, a.url AS url, a.capabilities AS capabilities, a.slots AS slots, a.version AS version,
  a.engine AS engine, a.registered_at AS registered_at, a.seen_at AS seen_at, a.state AS state
ORDER BY agent_id
LIMIT 10000
