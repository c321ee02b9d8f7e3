// purpose: the attempts that took one of some Results over
// params: hashes
// returns: one row {id, hash, consumed, origin, outcome} each
UNWIND $hashes AS wanted
MATCH (x:Result {hash: wanted})<-[:PRODUCED]-(a:Attempt)
WHERE a.origin IS NOT NULL
MATCH (s:Subtask)-[:HAS_ATTEMPT]->(a)
RETURN s.id AS id, x.hash AS hash, a.consumed AS consumed, a.origin AS origin, a.outcome AS outcome
