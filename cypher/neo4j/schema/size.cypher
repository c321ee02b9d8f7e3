// purpose: nodes by label and edges by type in a namespace
// params: namespace
// returns: one row {name, number} each
MATCH (n {namespace: $namespace})
RETURN labels(n)[0] AS name, count(*) AS number
UNION ALL
MATCH (n {namespace: $namespace})-[r]->()
RETURN type(r) AS name, count(*) AS number
