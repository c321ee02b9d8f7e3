// purpose: the version of the schema in this database, and the oldest that engines may know which work with it
// returns: one row {version, oldest}, or none in an empty database
MATCH (x:Schema {id: 'schema'})
RETURN x.version AS version, coalesce(x.oldest, x.version) AS oldest
