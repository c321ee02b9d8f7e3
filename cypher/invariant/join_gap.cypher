// purpose: rule: what depends on a subtask that has grown others depends on each end of these, unless it follows them
// params: namespace
// returns: one row {id, tips, awaited} per breach
MATCH (t:Task)-[:HAS_SUBTASK]->(j:Subtask)-[:DEPENDS_ON]->(p:Subtask)<-[:EXPANDED_FROM]-(s:Subtask)
WHERE t.namespace = $namespace AND t.stored AND coalesce(j.follows, '') <> p.id
  AND NOT EXISTS { MATCH (j)-[:EXPANDED_FROM]->(p) }
  AND NOT EXISTS { MATCH (s)<-[:DEPENDS_ON]-(o:Subtask)-[:EXPANDED_FROM]->(p) }
WITH j, p, count(s) AS tips
OPTIONAL MATCH (j)-[:DEPENDS_ON]->(i:Subtask)-[:EXPANDED_FROM]->(p)
WITH j, p, tips, count(i) AS awaited
WHERE tips <> awaited
RETURN j.id AS id, tips AS tips, awaited AS awaited
LIMIT 100
