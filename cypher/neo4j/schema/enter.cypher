// purpose: records the schema's version; engines that start at the same time wait for each other on the node's lock
// params: version, at, oldest
// returns: one row {version, oldest}
MERGE (x:Schema {id: 'schema'})
ON CREATE SET x.version = $version, x.applied_at = $at, x.oldest = $oldest
SET x.lock = true REMOVE x.lock
SET x.oldest = CASE WHEN x.version <= $version THEN $oldest ELSE coalesce(x.oldest, x.version) END,
    x.version = CASE WHEN x.version < $version THEN $version ELSE x.version END
RETURN x.version AS version, x.oldest AS oldest
