// purpose: removes every node of a namespace but the Results, which others may keep
// params: namespace
// returns: one row {removed}
MATCH (n) WHERE n.namespace = $namespace AND NOT n:Result
CALL (n) { DETACH DELETE n } IN TRANSACTIONS OF 1000 ROWS
RETURN count(*) AS removed
