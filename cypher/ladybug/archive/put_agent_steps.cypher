// purpose: writes one row of archived agent steps
// params: namespace, id, task_id, subtask_id, token, talk, turn, call, at, body
// returns: nothing
MATCH (s:Subtask) WHERE s.id = $subtask_id
CREATE (s)-[:STEPPED]->(:AgentStep {
  namespace: $namespace, id: $id, task_id: $task_id, subtask_id: $subtask_id, token: $token, talk: $talk,
  turn: $turn, call: $call, at: $at, body: $body})
