// purpose: the passages of one output or file, which are written anew together
// returns: nothing
CREATE INDEX passage_source IF NOT EXISTS FOR (n:Passage) ON (n.source)
