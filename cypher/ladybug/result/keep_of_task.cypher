// purpose: notes which tasks keep which Results
// params: rows
// returns: nothing; rows are [holder id, hash]
UNWIND $rows AS r
MATCH (h:Task) WHERE h.id = r[1]
MATCH (x:Result) WHERE x.hash = r[2]
MERGE (h)-[:KEEPS]->(x)
