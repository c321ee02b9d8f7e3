// purpose: makes the callbacks of engines that are gone this engine's; one locks before it looks, so two take none twice
// params: engine, epoch, namespace, timeout
// returns: one row {id, places, created_at} per task whose callbacks are this engine's, oldest first
MATCH (:Engine {id: $engine, epoch: $epoch})
MATCH (c:Callback) WHERE c.engine IS NOT NULL AND c.namespace = $namespace
OPTIONAL MATCH (d:Engine {id: c.engine})
WITH c, c.engine AS before, d.id IS NULL OR d.left OR d.heartbeat_at < timestamp() - $timeout AS gone
WHERE before = $engine OR gone
WITH c, before ORDER BY c.id
SET c.lock = true REMOVE c.lock
WITH c, before WHERE c.engine = before
SET c.engine = $engine
RETURN c.id AS id, c.places AS places, c.created_at AS created_at
ORDER BY id
