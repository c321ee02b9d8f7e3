// purpose: the cached outputs that are too old
// returns: nothing
CREATE INDEX cache_entry_expires IF NOT EXISTS FOR (n:CacheEntry) ON (n.expires_at)
