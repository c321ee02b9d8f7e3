// purpose: removes Results that nobody keeps
// params: namespace
// returns: one row {repaired}, at most 1,000; repeated until it is 0
MATCH (r:Result)
WHERE r.namespace = $namespace AND NOT EXISTS { MATCH (h)-[:KEEPS]->(r) }
WITH r LIMIT 1000
DELETE r
RETURN count(*) AS repaired
