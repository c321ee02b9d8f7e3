// purpose: the subtasks of a task that a timer belongs to: those that wait out a back-off, and those of limited time
// params: task
// returns: one row {s, since} each; since is when the first attempt that counts started, null without one
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.id = $task AND (s.status = 'retrying'
  OR (s.timed AND s.status IN ['pending', 'ready', 'processing', 'awaiting_approval']))
OPTIONAL MATCH (s)-[:HAS_ATTEMPT]->(a:Attempt)
RETURN s, min(CASE WHEN a.token > coalesce(s.fresh_token, 0) THEN a.started_at END) AS since
