// purpose: the edges of the attempts of subtasks to what they made and to what they used
// params: ids
// returns: one row {type, subtask, token, target} each
UNWIND $ids AS wanted
MATCH (s:Subtask)-[:HAS_ATTEMPT]->(a:Attempt)-[:PRODUCED]->(x:Result) WHERE s.id = wanted
RETURN 'PRODUCED' AS type, s.id AS subtask, a.token AS token, x.hash AS target
UNION ALL
UNWIND $ids AS wanted
MATCH (s:Subtask)-[:HAS_ATTEMPT]->(a:Attempt)-[:CONSUMED]->(x:Result) WHERE s.id = wanted
RETURN 'CONSUMED' AS type, s.id AS subtask, a.token AS token, x.hash AS target
