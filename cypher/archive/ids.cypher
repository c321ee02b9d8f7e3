// purpose: stored tasks of a namespace in the order of their ids
// params: namespace, after, final, limit
// returns: one row {id} each; with final only those that have ended
MATCH (t:Task)
WHERE t.id > $after AND t.namespace = $namespace AND t.stored
  AND (NOT $final OR t.status IN ['completed', 'failed', 'cancelled'])
RETURN t.id AS id
ORDER BY id
LIMIT $limit
