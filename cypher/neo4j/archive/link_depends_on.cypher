// purpose: writes archived edges DEPENDS_ON from a Subtask to a Subtask, where both are there
// params: rows
// returns: one row {written}; rows are [source, target]
UNWIND $rows AS r
MATCH (a:Subtask) WHERE a.id = r[0]
MATCH (b:Subtask) WHERE b.id = r[1]
MERGE (a)-[:DEPENDS_ON]->(b)
RETURN count(*) AS written
