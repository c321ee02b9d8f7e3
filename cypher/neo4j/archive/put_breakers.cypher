// purpose: writes breakers that are open of a backup; what is there gives way
// params: rows
// returns: nothing
UNWIND $rows AS r
MERGE (n:Breaker {id: r.id})
SET n = r
