// purpose: removes the Results of a namespace that nobody keeps
// params: namespace
// returns: one row {removed}
MATCH (x:Result) WHERE x.namespace = $namespace AND NOT EXISTS { MATCH ()-[:KEEPS]->(x) }
CALL (x) { DETACH DELETE x } IN TRANSACTIONS OF 1000 ROWS
RETURN count(*) AS removed
