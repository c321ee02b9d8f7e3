// purpose: records the schema's version; engines that start at the same time wait for each other on the node's lock
// params: version, at
// returns: one row {version}
MERGE (x:Schema {id: 'schema'})
ON CREATE SET x.version = $version, x.applied_at = $at
SET x.lock = true REMOVE x.lock
SET x.version = CASE WHEN x.version < $version THEN $version ELSE x.version END
RETURN x.version AS version
