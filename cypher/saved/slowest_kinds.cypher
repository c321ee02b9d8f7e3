// purpose: which types take longest, by the version of their tool; first is the id of the oldest task that counts
// params: namespace, first, limit
// defaults: {"first": "", "limit": 20}
// returns: one row {type, version, attempts, mean_seconds, longest_seconds, total_seconds} each, the slowest first
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)-[:HAS_ATTEMPT]->(a:Attempt)
WHERE t.namespace = $namespace AND t.id >= $first AND a.outcome = 'completed'
WITH s.type AS type, a.version AS version, (a.finished_at - a.started_at) / 1000.0 AS seconds
RETURN type, version, count(*) AS attempts, avg(seconds) AS mean_seconds, max(seconds) AS longest_seconds,
  sum(seconds) AS total_seconds
ORDER BY mean_seconds DESC
LIMIT $limit
