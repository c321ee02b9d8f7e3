// purpose: writes archived edges CONSUMED from attempts to Results, where both are there
// params: rows
// returns: one row {written}; rows are [attempt id, hash]
UNWIND $rows AS r
MATCH (a:Attempt) WHERE a.id = r[1]
MATCH (x:Result) WHERE x.hash = r[2]
MERGE (a)-[:CONSUMED]->(x)
RETURN count(*) AS written
