// purpose: the attempts that had one of some Results in their input
// params: hashes
// returns: one row {id, hash, consumed, origin, outcome} each
UNWIND $hashes AS wanted
MATCH (x:Result {hash: wanted})<-[:CONSUMED]-(a:Attempt)<-[:HAS_ATTEMPT]-(s:Subtask)
RETURN s.id AS id, x.hash AS hash, a.consumed AS consumed, a.origin AS origin, a.outcome AS outcome
