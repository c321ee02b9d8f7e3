// purpose: the keys of a batch of a task's events, the last ones first, so that what is left has no gap
// params: id, limit
// returns: one row {key} each
MATCH (v:Event) WHERE v.task_id = $id
RETURN v.key AS key
ORDER BY key DESC
LIMIT $limit
