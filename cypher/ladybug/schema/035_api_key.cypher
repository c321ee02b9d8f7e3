// purpose: the keys of the API, by hash
// returns: nothing
CREATE NODE TABLE IF NOT EXISTS ApiKey(id STRING PRIMARY KEY, namespace STRING, hash STRING, subject STRING, scopes STRING, user_id STRING, created_at INT64, created_by STRING, revoked_at INT64, revoked_by STRING)
