// purpose: the log of one task, or of one of its subtasks, the latest first
// params: task, key, agent, level, since, before, limit
// returns: one row {l} per line with an id from since on and below before
MATCH (l:LogLine)
WHERE l.task_id = $task AND l.id >= $since AND l.id < $before AND l.level >= $level
  AND ($key = '' OR l.key = $key) AND ($agent = '' OR l.agent_id = $agent)
RETURN l
ORDER BY l.id DESC
LIMIT $limit
