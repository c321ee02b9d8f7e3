// purpose: a task lets go of Results
// params: id, hashes
// returns: nothing
UNWIND $hashes AS wanted
MATCH (t:Task)-[k:KEEPS]->(x:Result) WHERE t.id = $id AND x.hash = wanted
DELETE k
