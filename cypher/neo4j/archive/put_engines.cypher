// purpose: writes the engines of a backup; what is there gives way
// params: rows
// returns: nothing
UNWIND $rows AS r
MERGE (n:Engine {id: r.id})
SET n = r
