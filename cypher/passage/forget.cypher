// purpose: removes the passages of outputs and files that are written anew
// params: sources
// returns: nothing
UNWIND $sources AS wanted
MATCH (p:Passage) WHERE p.source = wanted
DELETE p
