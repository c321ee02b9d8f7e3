// purpose: the attempts of tasks that were made lately, by type, day (since 1970, UTC) and outcome: how many, how long,
//   how long they had waited, and by what factor the expectation was wrong, as the natural logarithm
// params: namespace, since, limit
// returns: one row {type, day, outcome, attempts, seconds, longest, wait, error, expected, bytes} each
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)-[:HAS_ATTEMPT]->(a:Attempt)
WHERE t.id >= $since AND t.namespace = $namespace AND t.stored
WITH s.type AS type, a.finished_at / 86400000 AS day, a.outcome AS outcome, a.output_bytes AS bytes,
  (a.finished_at - a.started_at) / 1000.0 AS seconds,
  CASE WHEN a.started_at >= s.queued_at THEN (a.started_at - s.queued_at) / 1000.0 END AS wait,
  CASE WHEN a.outcome = 'completed' AND s.expected > 0 THEN s.expected END AS expected
WITH type, day, outcome, bytes, seconds, wait, expected,
  abs(log(CASE WHEN seconds < 0.001 THEN 0.001 ELSE seconds END)
    - log(CASE WHEN expected < 0.001 THEN 0.001 ELSE expected END)) / log(2.718281828459045) AS error
RETURN type, day, outcome, count(*) AS attempts, sum(seconds) AS seconds, max(seconds) AS longest, avg(wait) AS wait,
  avg(error) AS error, count(expected) AS expected, sum(bytes) AS bytes
ORDER BY type, day, outcome
LIMIT $limit
