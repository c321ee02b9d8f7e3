// purpose: Results as they are
// params: hashes
// returns: one row {x} each
UNWIND $hashes AS wanted
MATCH (x:Result) WHERE x.hash = wanted
RETURN x
