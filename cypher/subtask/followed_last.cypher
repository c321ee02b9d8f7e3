// purpose: the subtask that depends on another, ran, and settled last
// params: id
// returns: one row {id, key, type, status, critical, token, queued_at, started_at, completed_at, expected}, or none
MATCH (s:Subtask)-[:DEPENDS_ON]->(d:Subtask)
WHERE d.id = $id AND s.started_at IS NOT NULL AND s.completed_at IS NOT NULL
RETURN s.id AS id, s.key AS key, s.type AS type, s.status AS status, s.critical AS critical, s.token AS token,
  s.queued_at AS queued_at, s.started_at AS started_at, s.completed_at AS completed_at, s.expected AS expected
ORDER BY completed_at DESC, id
LIMIT 1
