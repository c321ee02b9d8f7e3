// purpose: makes all callbacks with something left to tell this engine's, for there is no other engine
// params: engine, namespace
// returns: one row {id, places, created_at} per task, oldest first
MATCH (c:Callback) WHERE c.namespace = $namespace AND c.engine <> ''
SET c.engine = $engine
RETURN c.id AS id, c.places AS places, c.created_at AS created_at
ORDER BY id
