// purpose: removes a batch of what belongs to a task, the task itself last; repeated until it removes nothing
// params: id, limit
// returns: one row {removed}
MATCH (t:Task {id: $id})
CALL (t) {
  MATCH (t)-[:HAS_SUBTASK]->(s:Subtask)
  WITH s LIMIT $limit
  OPTIONAL MATCH (s)-[:HAS_ATTEMPT]->(a:Attempt)
  WITH s, collect(a) AS attempts
  FOREACH (a IN attempts | DETACH DELETE a)
  DETACH DELETE s
  RETURN count(*) AS subtasks
}
CALL (t, subtasks) {
  WITH t WHERE subtasks = 0
  MATCH (v:Event) USING INDEX v:Event(key)
  WHERE v.key > t.id + ':' AND v.key < t.id + ';'
  WITH v LIMIT $limit
  DELETE v
  RETURN count(*) AS events
}
CALL (t, subtasks, events) {
  WITH t WHERE subtasks = 0 AND events = 0
  OPTIONAL MATCH (k:RequestKey) WHERE k.task_id = t.id
  WITH t, collect(k) AS keys
  FOREACH (k IN keys | DELETE k)
  DETACH DELETE t
  RETURN count(*) AS tasks
}
RETURN subtasks + events + tasks AS removed
