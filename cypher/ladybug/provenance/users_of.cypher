// purpose: the attempts that had a Result in their input; only a single hash is looked up by the index here
// params: hash
// returns: one row {attempt, hash, consumed, origin, outcome} each
MATCH (a:Attempt)-[:CONSUMED]->(x:Result)
WHERE x.hash = $hash
RETURN a.id AS attempt, x.hash AS hash, a.consumed AS consumed, a.origin AS origin, a.outcome AS outcome
