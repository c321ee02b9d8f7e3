// purpose: edges from attempts to Results that they made, none of which is there yet
// params: rows
// returns: nothing; rows are [attempt id, hash]
UNWIND $rows AS r
MATCH (a:Attempt) WHERE a.id = r[1]
MATCH (x:Result) WHERE x.hash = r[2]
CREATE (a)-[:PRODUCED]->(x)
