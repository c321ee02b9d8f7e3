// purpose: what the engine's order of the frontier is rebuilt from at start
// params: task
// returns: one row {id, order_key, type} per ready subtask
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.id = $task AND s.status = 'ready'
RETURN s.id AS id, s.order_key AS order_key, s.type AS type
