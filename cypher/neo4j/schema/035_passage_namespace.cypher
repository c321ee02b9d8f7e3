// purpose: the passages of a namespace in the order of time
// returns: nothing
CREATE INDEX passage_namespace IF NOT EXISTS FOR (n:Passage) ON (n.namespace, n.at)
