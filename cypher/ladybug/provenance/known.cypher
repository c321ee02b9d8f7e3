// purpose: which Results there are
// params: hashes
// returns: one row {hash} each
UNWIND $hashes AS wanted
MATCH (x:Result) WHERE x.hash = wanted
RETURN x.hash AS hash
