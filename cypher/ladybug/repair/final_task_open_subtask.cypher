// purpose: what a final task has left open never runs: it counts as cancelled; an attempt without a record is not counted
// params: namespace
// from -> to: pending | ready | processing | retrying | awaiting_approval -> cancelled
// returns: one row {repaired}, at most 1,000; repeated until it is 0
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.namespace = $namespace AND t.stored AND t.status IN ['completed', 'failed', 'cancelled']
  AND s.status IN ['pending', 'ready', 'processing', 'retrying', 'awaiting_approval']
WITH t, s LIMIT 1000
SET s.token = CASE s.status WHEN 'processing' THEN s.token - 1 ELSE s.token END,
    s.status = 'cancelled', s.completed_at = t.completed_at
RETURN count(*) AS repaired
