// purpose: claims ready subtasks, named by the engine in the order of its frontier
// params: ids, now
// from -> to: ready -> processing
// returns: one row {id, task_id, key, type, spec, token, queued_at, spent, interrupted, fell_back, reason, expected} per subtask claimed here
UNWIND $ids AS wanted
MATCH (s:Subtask)
WHERE s.id = wanted AND s.status = 'ready'
SET s.status = 'processing', s.token = s.token + 1, s.started_at = $now
RETURN s.id AS id, s.task_id AS task_id, s.key AS key, s.type AS type, s.spec AS spec, s.token AS token,
  s.queued_at AS queued_at, s.spent AS spent, s.interrupted AS interrupted, s.fell_back AS fell_back, s.reason AS reason,
  s.expected AS expected
