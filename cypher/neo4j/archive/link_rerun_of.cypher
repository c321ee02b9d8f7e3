// purpose: writes archived edges RERUN_OF from a Task to a Task, where both are there
// params: rows
// returns: one row {written}; rows are [source, target]
UNWIND $rows AS r
MATCH (a:Task) WHERE a.id = r[0]
MATCH (b:Task) WHERE b.id = r[1]
MERGE (a)-[:RERUN_OF]->(b)
RETURN count(*) AS written
