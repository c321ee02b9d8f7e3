// purpose: a result by its content hash
// returns: nothing
CREATE CONSTRAINT result_hash IF NOT EXISTS FOR (n:Result) REQUIRE n.hash IS UNIQUE
