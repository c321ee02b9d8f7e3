// purpose: the numbers of the last events of some tasks
// params: tasks
// returns: one row {task, last} per task that has events
UNWIND $tasks AS task
CALL (task) {
  MATCH (v:Event) USING INDEX v:Event(key)
  WHERE v.key > task + ':' AND v.key < task + ';'
  WITH v ORDER BY v.key DESC LIMIT 1
  RETURN v.last AS last
}
RETURN task, last
