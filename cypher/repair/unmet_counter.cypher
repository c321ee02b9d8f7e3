// purpose: counts the dependencies of subtasks anew where their counters are wrong
// params: namespace
// returns: one row {repaired}, at most 1,000; repeated until it is 0
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.namespace = $namespace AND t.stored AND coalesce(t.gate, '') = ''
  AND t.status IN ['pending', 'processing', 'paused']
OPTIONAL MATCH (s)-[:DEPENDS_ON]->(d:Subtask)
WITH s,
  sum(CASE WHEN d.status IN ['pending', 'ready', 'processing', 'retrying', 'awaiting_approval'] THEN 1 ELSE 0 END) AS open,
  sum(CASE WHEN d.status IN ['failed', 'blocked', 'cancelled', 'quarantined'] THEN 1 ELSE 0 END) AS failed,
  sum(CASE WHEN d.status = 'skipped' AND NOT coalesce(d.is_optional, false) THEN 1 ELSE 0 END) AS skipped
WHERE s.unmet <> open OR s.bad <> failed + skipped OR coalesce(s.skips, 0) <> skipped
WITH s, open, failed, skipped LIMIT 1000
SET s.unmet = open, s.bad = failed + skipped, s.skips = skipped
RETURN count(*) AS repaired
