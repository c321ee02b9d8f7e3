// purpose: rule: no subtask runs or has run before each of its dependencies was settled
// params: namespace
// returns: one row {id, dependency} per breach; one with a run_if may run on a failure that a person takes back later
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)-[:DEPENDS_ON]->(d:Subtask)
WHERE t.namespace = $namespace AND t.stored AND s.status IN ['ready', 'processing', 'retrying', 'completed', 'failed']
  AND (d.status IN ['pending', 'ready', 'processing', 'retrying', 'awaiting_approval'] OR s.started_at < d.completed_at)
  AND NOT (coalesce(s.judged, false) AND (d.fresh_token IS NOT NULL OR coalesce(d.reason, '') = 'by a person'))
RETURN s.id AS id, d.id AS dependency
LIMIT 100
