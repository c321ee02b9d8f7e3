// purpose: writes archived edges KEEPS from a Subtask to a Result, where both are there
// params: rows
// returns: one row {written}; rows are [source, target]
UNWIND $rows AS r
MATCH (a:Subtask) WHERE a.id = r[0]
MATCH (b:Result) WHERE b.hash = r[1]
MERGE (a)-[:KEEPS]->(b)
RETURN count(*) AS written
