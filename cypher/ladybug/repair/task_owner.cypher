// purpose: a final task has no owner; an open one without an owner goes back to the last one it had, or to whoever opens the file
// params: namespace
// returns: one row {repaired}, at most 1,000; repeated until it is 0
MATCH (t:Task)
WHERE t.namespace = $namespace AND t.stored
WITH t, t.status IN ['completed', 'failed', 'cancelled'] AS final
WHERE final = (coalesce(t.open_owner, '') <> '') AND (final OR t.owner <> '')
WITH t, final LIMIT 1000
SET t.open_owner = CASE WHEN final THEN '' ELSE t.owner END
RETURN count(*) AS repaired
