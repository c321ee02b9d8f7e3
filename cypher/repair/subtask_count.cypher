// purpose: counts the subtasks of final tasks anew
// params: namespace
// returns: one row {repaired}, at most 1,000; repeated until it is 0
MATCH (t:Task)
WHERE t.namespace = $namespace AND t.stored AND t.status IN ['completed', 'failed', 'cancelled']
OPTIONAL MATCH (t)-[:HAS_SUBTASK]->(s:Subtask)
WITH t, count(s) AS found
WHERE t.subtasks_count <> found
WITH t, found LIMIT 1000
SET t.subtasks_count = found
RETURN count(*) AS repaired
