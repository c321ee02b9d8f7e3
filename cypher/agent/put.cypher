// purpose: stores how far the talk of an agent is, as long as the attempt that says it is the running one
// params: id, namespace, task, subtask, token, talk, turn, call, at, body
// returns: one row {id}; no row when the attempt is not the running one any more
MATCH (s:Subtask) WHERE s.id = $subtask AND s.status = 'processing' AND s.token = $token
MERGE (a:AgentStep {id: $id})
SET a.namespace = $namespace, a.task_id = $task, a.subtask_id = $subtask, a.token = $token, a.talk = $talk,
    a.turn = $turn, a.call = $call, a.at = $at, a.body = $body
MERGE (s)-[:STEPPED]->(a)
RETURN a.id AS id
