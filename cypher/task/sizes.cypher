// purpose: how many subtasks the tasks of a namespace have that were made lately, the latest first
// params: namespace, since, limit
// returns: one row {id, subtasks} per task
MATCH (t:Task) WHERE t.id >= $since AND t.namespace = $namespace AND t.stored
RETURN t.id AS id, t.subtasks_count AS subtasks
ORDER BY id DESC
LIMIT $limit
