// purpose: lets whatever waits for a subtask that has grown others wait for each end of these; its counters are wrong after that
// params: namespace
// returns: one row {repaired}, at most 1,000; repeated until it is 0
MATCH (t:Task)-[:HAS_SUBTASK]->(j:Subtask)-[:DEPENDS_ON]->(p:Subtask)<-[:EXPANDED_FROM]-(s:Subtask)
WHERE t.namespace = $namespace AND t.stored AND j.status = 'pending' AND coalesce(j.follows, '') <> p.id
  AND NOT EXISTS { MATCH (j)-[:EXPANDED_FROM]->(p) } AND NOT EXISTS { MATCH (j)-[:DEPENDS_ON]->(s) }
  AND NOT EXISTS { MATCH (s)<-[:DEPENDS_ON]-(o:Subtask)-[:EXPANDED_FROM]->(p) }
WITH j, s LIMIT 1000
CREATE (j)-[:DEPENDS_ON]->(s)
RETURN count(*) AS repaired
