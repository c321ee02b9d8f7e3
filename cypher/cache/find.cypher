// purpose: outputs to be reused, by key, that are not too old
// params: ids, now
// returns: one row {c} per entry
UNWIND $ids AS wanted
MATCH (c:CacheEntry) WHERE c.id = wanted AND c.expires_at > $now
RETURN c
