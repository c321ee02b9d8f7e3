// purpose: subtasks that ended without success: critical first, then failed first, in plan order
// params: task, limit
// returns: one row {id, key, status, token, critical, error} each
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.id = $task AND s.status IN ['failed', 'blocked', 'quarantined']
RETURN s.id AS id, s.key AS key, s.status AS status, s.token AS token, s.critical AS critical, s.error AS error
ORDER BY critical DESC, CASE WHEN status = 'failed' THEN 0 ELSE 1 END, id
LIMIT $limit
