// purpose: the number of a task's last event
// params: task
// returns: one row {last}, or none
MATCH (v:Event) USING INDEX v:Event(key)
WHERE v.key > $task + ':' AND v.key < $task + ';'
WITH v ORDER BY v.key DESC LIMIT 1
RETURN v.last AS last
