// purpose: rule: no half-written task is left once its engine has started
// params: namespace
// returns: one row {id} per breach
MATCH (t:Task)
WHERE t.namespace = $namespace AND NOT t.stored
RETURN t.id AS id
LIMIT 100
