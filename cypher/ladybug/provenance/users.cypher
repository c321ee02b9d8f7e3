// purpose: the attempts that had one of some Results in their input
// params: hashes
// returns: one row {attempt, hash, consumed, origin, outcome} each
UNWIND $hashes AS wanted
MATCH (a:Attempt)-[:CONSUMED]->(x:Result)
WHERE x.hash = wanted
RETURN a.id AS attempt, x.hash AS hash, a.consumed AS consumed, a.origin AS origin, a.outcome AS outcome
