// purpose: marks a final task as being removed: from here on nobody sees it
// params: id, namespace, mark
// returns: one row {id}; no row when there is no such final task
MATCH (t:Task)
WHERE t.id = $id AND t.namespace = $namespace AND t.stored AND t.status IN ['completed', 'failed', 'cancelled']
SET t.stored = false, t.loader = $mark
RETURN t.id AS id
