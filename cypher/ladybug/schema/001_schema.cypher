// purpose: one Schema node per database
// returns: nothing
CREATE NODE TABLE IF NOT EXISTS Schema(id STRING PRIMARY KEY, version INT64, applied_at INT64)
