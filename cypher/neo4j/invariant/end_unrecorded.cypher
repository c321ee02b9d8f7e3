// purpose: rule: the end of a task is its last event, recorded once
// params: namespace
// returns: one row {id, records} per breach
MATCH (t:Task)
WHERE t.namespace = $namespace AND t.stored AND t.status IN ['completed', 'failed', 'cancelled']
OPTIONAL MATCH (v:Event)
WHERE v.task_id = t.id AND v.first = v.last AND (v.changes[0] STARTS WITH 'finish - ' OR v.changes[0] STARTS WITH 'cancel - ')
WITH t, count(v) AS records
WHERE records <> 1
RETURN t.id AS id, records AS records
LIMIT 100
