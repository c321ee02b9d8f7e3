// purpose: forgets outputs to be reused
// params: ids
// returns: one row {dropped}
UNWIND $ids AS wanted
MATCH (c:CacheEntry) WHERE c.id = wanted
DELETE c
RETURN count(*) AS dropped
