// purpose: what a task has waited for from its start until now: of each subtask the dependency that ended last
// params: namespace, task
// follows: after
// returns: one row {key, type, status, seconds, started_at, completed_at, after} each, in the order in which they ran
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.id = $task AND t.namespace = $namespace AND s.started_at IS NOT NULL AND s.completed_at IS NOT NULL
OPTIONAL MATCH (s)-[:DEPENDS_ON]->(d:Subtask)
WHERE d.started_at IS NOT NULL
WITH s, max(d.completed_at) AS latest
OPTIONAL MATCH (s)-[:DEPENDS_ON]->(d:Subtask)
WHERE d.started_at IS NOT NULL AND d.completed_at = latest
WITH s, min(d.key) AS after
RETURN s.key AS key, s.type AS type, s.status AS status, (s.completed_at - s.started_at) / 1000.0 AS seconds,
  s.started_at AS started_at, s.completed_at AS completed_at, after
ORDER BY completed_at DESC, key
