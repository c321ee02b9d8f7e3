// purpose: marks half-written tasks as being removed; the next engine that starts removes them
// params: namespace
// returns: one row {repaired}, at most 1,000; repeated until it is 0
MATCH (t:Task)
WHERE t.namespace = $namespace AND NOT t.stored AND coalesce(t.loader, '') <> 'removal|' + $namespace
WITH t LIMIT 1000
SET t.loader = 'removal|' + $namespace
RETURN count(*) AS repaired
