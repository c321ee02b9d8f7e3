// purpose: how many lines the log of a namespace has
// params: namespace
// returns: one row {number}
MATCH (l:LogLine) WHERE l.namespace = $namespace
RETURN count(*) AS number
