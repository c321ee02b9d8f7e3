// purpose: the edges of tasks themselves
// params: ids
// returns: one row {type, source, target} each
UNWIND $ids AS wanted
MATCH (t:Task)-[:KEEPS]->(x:Result) WHERE t.id = wanted
RETURN 'KEEPS' AS type, t.id AS source, x.hash AS target
UNION ALL
UNWIND $ids AS wanted
MATCH (t:Task)-[:RERUN_OF]->(o:Task) WHERE t.id = wanted
RETURN 'RERUN_OF' AS type, t.id AS source, o.id AS target
