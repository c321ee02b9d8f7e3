// purpose: removes Results that nobody keeps any more
// params: hashes
// returns: nothing
UNWIND $hashes AS wanted
MATCH (x:Result) WHERE x.hash = wanted
DELETE x
