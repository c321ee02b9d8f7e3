// purpose: rule: the attempts of a subtask are numbered from 1 without gaps; only the one that runs is still to come
// params: namespace
// returns: one row {id, token, attempts, last} per breach
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.namespace = $namespace AND t.stored
OPTIONAL MATCH (s)-[:HAS_ATTEMPT]->(a:Attempt)
WITH s, count(a) AS attempts, coalesce(max(a.token), 0) AS last,
  CASE WHEN s.status = 'processing' THEN s.token - 1 ELSE s.token END AS ended
WHERE attempts <> ended OR last <> ended
RETURN s.id AS id, s.token AS token, attempts AS attempts, last AS last
LIMIT 100
