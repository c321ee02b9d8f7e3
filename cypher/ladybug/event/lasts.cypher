// purpose: the numbers of the last events of some tasks
// params: tasks
// returns: one row {task, last} per task that has events
MATCH (v:Event) WHERE v.task_id IN $tasks
RETURN v.task_id AS task, max(v.last) AS last
