// purpose: edges from attempts to what they made, which its subtask keeps, and to what they used
// params: namespace, rows
// returns: one row {made, used}: how many edges there are now
// rows is {made, uses}; made rows are [subtask id, token, hash, bytes, output or null], in the order of hashes, so that
// no two engines wait for each other; uses rows are [subtask id, token, hash]
CALL () {
  UNWIND $rows.made AS r
  MATCH (s:Subtask {id: r[0]})-[:HAS_ATTEMPT]->(a:Attempt)
  WHERE a.token = r[1]
  FOREACH (_ IN CASE WHEN r[4] IS NULL THEN [] ELSE [1] END |
    MERGE (n:Result {hash: r[2]})
    ON CREATE SET n.namespace = $namespace, n.bytes = r[3], n.body = r[4], n.created_at = timestamp())
  WITH s, a, r
  MATCH (x:Result {hash: r[2]})
  SET x.lock = true REMOVE x.lock
  MERGE (s)-[:KEEPS]->(x)
  MERGE (a)-[:PRODUCED]->(x)
  RETURN count(*) AS made
}
CALL (made) {
  UNWIND $rows.uses AS r
  MATCH (s:Subtask {id: r[0]})-[:HAS_ATTEMPT]->(a:Attempt)
  WHERE a.token = r[1]
  MATCH (x:Result {hash: r[2]})
  MERGE (a)-[:CONSUMED]->(x)
  RETURN count(*) AS used
}
RETURN made, used
