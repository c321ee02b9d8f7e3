// purpose: writes archived edges EXPANDED_FROM from a Subtask to a Subtask, where both are there
// params: rows
// returns: one row {written}; rows are [source, target]
UNWIND $rows AS r
MATCH (a:Subtask) WHERE a.id = r[1]
MATCH (b:Subtask) WHERE b.id = r[2]
MERGE (a)-[:EXPANDED_FROM]->(b)
RETURN count(*) AS written
