// purpose: writes how far callbacks are of a backup; what is there gives way
// params: rows
// returns: nothing
UNWIND $rows AS r
MERGE (n:Callback {id: r.id})
SET n = r
