// purpose: the attempts that took one of some Results over
// params: hashes
// returns: one row {attempt, hash, consumed, origin, outcome} each
UNWIND $hashes AS wanted
MATCH (a:Attempt)-[:PRODUCED]->(x:Result)
WHERE x.hash = wanted AND a.origin IS NOT NULL
RETURN a.id AS attempt, x.hash AS hash, a.consumed AS consumed, a.origin AS origin, a.outcome AS outcome
