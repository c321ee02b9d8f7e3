// purpose: rule: what depends on a mapped subtask depends on each of its items
// params: namespace
// returns: one row {id, items, awaited} per breach
MATCH (t:Task)-[:HAS_SUBTASK]->(j:Subtask)-[:DEPENDS_ON]->(p:Subtask)<-[:EXPANDED_FROM]-(s:Subtask)
WHERE t.namespace = $namespace AND t.stored AND NOT EXISTS { MATCH (j)-[:EXPANDED_FROM]->(p) }
WITH j, p, count(s) AS items
OPTIONAL MATCH (j)-[:DEPENDS_ON]->(i:Subtask)-[:EXPANDED_FROM]->(p)
WITH j, items, count(i) AS awaited
WHERE items <> awaited
RETURN j.id AS id, items AS items, awaited AS awaited
LIMIT 100
