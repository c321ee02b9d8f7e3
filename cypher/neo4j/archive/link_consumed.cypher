// purpose: writes archived edges CONSUMED from attempts to Results, where both are there
// params: rows
// returns: one row {written}; rows are [subtask id, token, hash]
UNWIND $rows AS r
MATCH (s:Subtask {id: r[0]})-[:HAS_ATTEMPT]->(a:Attempt)
WHERE a.token = r[1]
MATCH (x:Result {hash: r[2]})
MERGE (a)-[:CONSUMED]->(x)
RETURN count(*) AS written
