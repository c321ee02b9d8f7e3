// purpose: what a subtask's end touches: all that depends on it, directly or through others
// params: namespace, task, key
// returns: one row {key, type, status, critical, generation} each, in the order in which they could run
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.id = $task AND t.namespace = $namespace AND s.key = $key
MATCH (s)<-[:DEPENDS_ON*1..]-(d:Subtask)
WITH DISTINCT d
RETURN d.key AS key, d.type AS type, d.status AS status, d.critical AS critical, d.generation AS generation
ORDER BY generation, key
