// purpose: removes a batch of a task's subtasks with their attempts; what they keep is kept by the task until it goes
// params: id, limit
// returns: one row {removed}, 0 when none is left
MATCH (t:Task {id: $id}) WHERE NOT t.stored
SET t.lock = true REMOVE t.lock
WITH t
CALL (t) {
  MATCH (t)-[:HAS_SUBTASK]->(s:Subtask)
  WITH t, s LIMIT $limit
  WITH t, s, [(s)-[:KEEPS]->(x:Result) | x] AS kept, [(s)-[:HAS_ATTEMPT]->(a:Attempt) | a] AS attempts
  FOREACH (x IN kept | MERGE (t)-[:KEEPS]->(x))
  FOREACH (a IN attempts | DETACH DELETE a)
  DETACH DELETE s
  RETURN count(*) AS removed
}
RETURN removed
