// purpose: how many ready subtasks of a task go before an order key, "task|order"
// params: task, before
// returns: one row {number}
MATCH (t:Task)-[:HAS_SUBTASK]->(s:Subtask)
WHERE t.id = $task AND s.status = 'ready' AND s.order_key < $before
RETURN count(*) AS number
