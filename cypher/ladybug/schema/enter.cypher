// purpose: records the schema's version
// params: version, at
// returns: one row {version}
MERGE (x:Schema {id: 'schema'})
SET x.version = $version, x.applied_at = $at
RETURN x.version AS version
