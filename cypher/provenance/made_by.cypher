// purpose: subtasks by what their attempts gave, by type and version, by when they ended
// params: namespace, hash, type, version, since, until, limit
// returns: one row {id} each
MATCH (s:Subtask)-[:HAS_ATTEMPT]->(a:Attempt)
WHERE s.namespace = $namespace AND a.output_hash IS NOT NULL
  AND ($hash = '' OR a.output_hash = $hash)
  AND ($type = '' OR s.type = $type) AND ($version = '' OR a.version = $version)
  AND ($since = 0 OR a.finished_at >= $since) AND ($until = 0 OR a.finished_at < $until)
RETURN DISTINCT s.id AS id
LIMIT $limit
