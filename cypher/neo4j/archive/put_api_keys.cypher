// purpose: writes the keys of the API, by hash of a backup; what is there gives way
// params: rows
// returns: nothing
UNWIND $rows AS r
MERGE (n:ApiKey {id: r.id})
SET n = r
