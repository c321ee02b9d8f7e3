// purpose: the log of a namespace, the latest first
// params: namespace, agent, level, since, before, limit
// returns: one row {l} per line with an id from since on and below before
MATCH (l:LogLine)
WHERE l.namespace = $namespace AND l.id >= $since AND l.id < $before AND l.level >= $level
  AND ($agent = '' OR l.agent_id = $agent)
RETURN l
ORDER BY l.id DESC
LIMIT $limit
