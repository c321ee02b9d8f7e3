// purpose: rule: an open task has an owner, a final one has none
// params: namespace
// returns: one row {id, status} per breach
MATCH (t:Task)
WHERE t.namespace = $namespace AND t.stored AND (t.status IN ['completed', 'failed', 'cancelled']) = (coalesce(t.open_owner, '') <> '')
RETURN t.id AS id, t.status AS status
LIMIT 100
