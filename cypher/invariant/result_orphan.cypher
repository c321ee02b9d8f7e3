// purpose: rule: somebody keeps each Result
// params: namespace
// returns: one row {hash} per breach
MATCH (r:Result)
WHERE r.namespace = $namespace AND NOT EXISTS { MATCH (h)-[:KEEPS]->(r) }
RETURN r.hash AS hash
LIMIT 100
