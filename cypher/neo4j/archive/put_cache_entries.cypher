// purpose: writes outputs that may be used again of a backup; what is there gives way
// params: rows
// returns: nothing
UNWIND $rows AS r
MERGE (n:CacheEntry {id: r.id})
SET n = r
