// purpose: the attempts that took a Result over; only a single hash is looked up by the index here
// params: hash
// returns: one row {attempt, hash, consumed, origin, outcome} each
MATCH (a:Attempt)-[:PRODUCED]->(x:Result)
WHERE x.hash = $hash AND a.origin IS NOT NULL
RETURN a.id AS attempt, x.hash AS hash, a.consumed AS consumed, a.origin AS origin, a.outcome AS outcome
