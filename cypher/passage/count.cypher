// purpose: how many passages of a namespace can be searched
// params: namespace
// returns: one row {number}
MATCH (p:Passage) WHERE p.namespace = $namespace
RETURN count(*) AS number
