// purpose: agents in other processes, by namespace and id
// returns: nothing
CREATE NODE TABLE IF NOT EXISTS Agent(id STRING PRIMARY KEY, namespace STRING, agent_id STRING, engine STRING, url STRING, capabilities STRING[], slots INT64, version STRING, registered_at INT64, seen_at INT64, tasks_completed INT64, state STRING)
