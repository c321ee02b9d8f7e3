// purpose: how long the subtasks of a task took that did the work themselves; a map does not, its items do
// params: task, limit
// returns: one row {key, type, milliseconds} each
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)-[:HAS_ATTEMPT]->(a:Attempt)
WHERE t.id = $task AND a.outcome = 'completed' AND s.expected IS NOT NULL
RETURN s.key AS key, s.type AS type, a.finished_at - a.started_at AS milliseconds
LIMIT $limit
