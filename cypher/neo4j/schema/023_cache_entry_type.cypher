// purpose: the cached outputs of a type
// returns: nothing
CREATE INDEX cache_entry_type IF NOT EXISTS FOR (n:CacheEntry) ON (n.type)
