// purpose: the edges of subtasks to others and to what they keep
// params: ids
// returns: one row {type, source, target} each
UNWIND $ids AS wanted
MATCH (s:Subtask)-[:DEPENDS_ON]->(d:Subtask) WHERE s.id = wanted
RETURN 'DEPENDS_ON' AS type, s.id AS source, d.id AS target
UNION ALL
UNWIND $ids AS wanted
MATCH (s:Subtask)-[:EXPANDED_FROM]->(p:Subtask) WHERE s.id = wanted
RETURN 'EXPANDED_FROM' AS type, s.id AS source, p.id AS target
UNION ALL
UNWIND $ids AS wanted
MATCH (s:Subtask)-[:KEEPS]->(x:Result) WHERE s.id = wanted
RETURN 'KEEPS' AS type, s.id AS source, x.hash AS target
