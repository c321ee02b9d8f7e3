// purpose: rule: no half-written task is left once its engine has started; one that is being removed is none
// params: namespace
// returns: one row {id} per breach
MATCH (t:Task)
WHERE t.namespace = $namespace AND NOT t.stored AND coalesce(t.loader, '') <> 'removal|' + $namespace
RETURN t.id AS id
LIMIT 100
