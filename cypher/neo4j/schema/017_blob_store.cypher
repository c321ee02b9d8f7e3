// purpose: one blob store per namespace
// returns: nothing
CREATE CONSTRAINT blob_store IF NOT EXISTS FOR (n:BlobStore) REQUIRE n.namespace IS UNIQUE
