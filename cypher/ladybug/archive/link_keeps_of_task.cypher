// purpose: writes archived edges KEEPS from a Task to a Result, where both are there
// params: rows
// returns: one row {written}; rows are [source, target]
UNWIND $rows AS r
MATCH (a:Task) WHERE a.id = r[1]
MATCH (b:Result) WHERE b.hash = r[2]
MERGE (a)-[:KEEPS]->(b)
RETURN count(*) AS written
