// purpose: a ready subtask can be claimed, and no other one
// params: namespace
// returns: one row {repaired}, at most 1,000; repeated until it is 0
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.namespace = $namespace AND t.stored
  AND (s.status = 'ready') <> (s.ready_key IS NOT NULL OR s.hold_key IS NOT NULL)
WITH s LIMIT 1000
SET s.ready_key = CASE s.status WHEN 'ready' THEN s.order_key END, s.hold_key = null
RETURN count(*) AS repaired
