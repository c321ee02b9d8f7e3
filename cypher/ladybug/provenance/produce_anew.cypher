// purpose: edges from attempts to Results that they made; those that are there stay as they are
// params: rows
// returns: nothing; rows are [attempt id, hash]
UNWIND $rows AS r
MATCH (a:Attempt) WHERE a.id = r[1]
MATCH (x:Result) WHERE x.hash = r[2]
MERGE (a)-[:PRODUCED]->(x)
