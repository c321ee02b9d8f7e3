// purpose: notes which subtasks keep which Results
// params: rows
// returns: one row {hash} per Result that was there; rows are [holder id, hash]
UNWIND $rows AS r
MATCH (h:Subtask) WHERE h.id = r[1]
MATCH (x:Result) WHERE x.hash = r[2]
MERGE (h)-[:KEEPS]->(x)
RETURN r[2] AS hash
