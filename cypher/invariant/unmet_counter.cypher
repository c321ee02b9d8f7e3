// purpose: rule: a subtask counts its dependencies that are not settled, those without success, and of them the skipped ones
// params: namespace
// returns: one row {id, unmet, open, bad, lost, skips, skipped} per breach; a task that is being closed is left out
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.namespace = $namespace AND t.stored AND coalesce(t.gate, '') = ''
  AND t.status IN ['pending', 'processing', 'paused']
OPTIONAL MATCH (s)-[:DEPENDS_ON]->(d:Subtask)
WITH s,
  sum(CASE WHEN d.status IN ['pending', 'ready', 'processing', 'retrying', 'awaiting_approval'] THEN 1 ELSE 0 END) AS open,
  sum(CASE WHEN d.status IN ['failed', 'blocked', 'cancelled', 'quarantined'] THEN 1 ELSE 0 END) AS failed,
  sum(CASE WHEN d.status = 'skipped' AND NOT coalesce(d.is_optional, false) THEN 1 ELSE 0 END) AS skipped
WHERE s.unmet <> open OR s.bad <> failed + skipped OR coalesce(s.skips, 0) <> skipped
RETURN s.id AS id, s.unmet AS unmet, open AS open, s.bad AS bad, failed + skipped AS lost, s.skips AS skips,
  skipped AS skipped
LIMIT 100
