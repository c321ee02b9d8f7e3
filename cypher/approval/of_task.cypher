// purpose: what was asked of a task
// params: task, after, limit
// returns: one row {a} per request with an id above after, by id
MATCH (a:Approval) WHERE a.task_id = $task AND a.id > $after
RETURN a
ORDER BY a.id
LIMIT $limit
