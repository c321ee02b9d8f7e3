// purpose: edges from attempts to what they made, which its subtask keeps, and to what they used
// params: namespace, rows
// returns: one row {made, used}: how many edges there are now
// rows is {made, uses}; made rows are [subtask id, token, hash, bytes, output or null, sure], in the order of hashes, so
// that no two engines wait for each other; uses rows are [subtask id, token, hash, sure]; what is surely new is created
// without a look; planning this takes a second, and the number of Results would have it done again and again: skipped,
// for every way in is a unique index
CYPHER replan=skip
CALL () {
  UNWIND $rows.made AS r
  MATCH (s:Subtask {id: r[0]})-[:HAS_ATTEMPT]->(a:Attempt)
  USING INDEX SEEK s:Subtask(id)
  WHERE a.token = r[1]
  FOREACH (_ IN CASE WHEN r[4] IS NULL THEN [] ELSE [1] END |
    MERGE (n:Result {hash: r[2]})
    ON CREATE SET n.namespace = $namespace, n.bytes = r[3], n.body = r[4], n.created_at = timestamp())
  WITH s, a, r
  MATCH (x:Result {hash: r[2]})
  USING INDEX SEEK x:Result(hash)
  SET x.lock = true REMOVE x.lock
  MERGE (s)-[:KEEPS]->(x)
  FOREACH (_ IN CASE WHEN r[5] THEN [1] ELSE [] END | CREATE (a)-[:PRODUCED]->(x))
  FOREACH (_ IN CASE WHEN r[5] THEN [] ELSE [1] END | MERGE (a)-[:PRODUCED]->(x))
  RETURN count(*) AS made
}
CALL (made) {
  UNWIND $rows.uses AS r
  MATCH (s:Subtask {id: r[0]})-[:HAS_ATTEMPT]->(a:Attempt)
  USING INDEX SEEK s:Subtask(id)
  WHERE a.token = r[1]
  MATCH (x:Result {hash: r[2]})
  USING INDEX SEEK x:Result(hash)
  FOREACH (_ IN CASE WHEN r[3] THEN [1] ELSE [] END | CREATE (a)-[:CONSUMED]->(x))
  FOREACH (_ IN CASE WHEN r[3] THEN [] ELSE [1] END | MERGE (a)-[:CONSUMED]->(x))
  RETURN count(*) AS used
}
RETURN made, used
