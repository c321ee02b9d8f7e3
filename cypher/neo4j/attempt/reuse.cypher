// purpose: the one attempt of each subtask that a rerun has taken over as it was; it keeps the Result too
// params: rows
// returns: one row {lost}: how many Results were not there any more
UNWIND $rows AS r
MATCH (s:Subtask {id: r.id})
CREATE (s)-[:HAS_ATTEMPT]->(a:Attempt)
SET a = r.attempt
WITH s, a WHERE a.output IS NULL AND a.output_hash IS NOT NULL
OPTIONAL MATCH (x:Result {hash: a.output_hash})
FOREACH (found IN CASE WHEN x IS NULL THEN [] ELSE [x] END |
  SET found.lock = true REMOVE found.lock
  CREATE (s)-[:KEEPS]->(found))
RETURN count(*) - count(x) AS lost
