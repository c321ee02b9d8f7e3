// purpose: the version of the schema in this database
// returns: one row {version}, or none in an empty database
MATCH (x:Schema {id: 'schema'})
RETURN x.version AS version
