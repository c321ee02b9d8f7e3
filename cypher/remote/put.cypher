// purpose: keeps an agent of another process, in place of an earlier one with its id
// params: id, namespace, agent_id, engine, url, capabilities, slots, version, registered_at, seen_at, tasks_completed, state
// returns: one row {id}
MERGE (a:Agent {id: $id})
SET a.namespace = $namespace, a.agent_id = $agent_id, a.engine = $engine, a.url = $url,
    a.capabilities = $capabilities, a.slots = $slots, a.version = $version, a.registered_at = $registered_at,
    a.seen_at = $seen_at, a.tasks_completed = $tasks_completed, a.state = $state
RETURN a.id AS id
