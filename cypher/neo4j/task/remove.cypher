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
  WITH t, subtasks WHERE subtasks = 0
  OPTIONAL MATCH (v:Event) WHERE v.key STARTS WITH t.id + ':'
  WITH t, collect(v) AS events
  FOREACH (v IN events | DELETE v)
  DETACH DELETE t
  RETURN count(*) AS tasks
}
RETURN subtasks + tasks AS removed
