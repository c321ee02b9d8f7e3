// purpose: one blob store per namespace
// returns: nothing
CREATE NODE TABLE IF NOT EXISTS BlobStore(namespace STRING PRIMARY KEY, id STRING)
