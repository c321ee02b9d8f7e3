// purpose: a cached output by the hash of what made it
// returns: nothing
CREATE CONSTRAINT cache_entry_id IF NOT EXISTS FOR (n:CacheEntry) REQUIRE n.id IS UNIQUE
