// purpose: stores what a person is asked before a subtask runs, as long as the attempt that asks is the running one
// params: id, namespace, task, subtask, token, key, type, hash, rule, why, asked_at, until, request
// returns: one row {id}; no row when the attempt is not the running one any more
MATCH (s:Subtask) WHERE s.id = $subtask AND s.status = 'processing' AND s.token = $token
MERGE (a:Approval {id: $id})
SET a.namespace = $namespace, a.task_id = $task, a.subtask_id = $subtask, a.token = $token, a.key = $key,
    a.type = $type, a.hash = $hash, a.rule = $rule, a.why = $why, a.asked_at = $asked_at, a.until = $until,
    a.request = $request, a.state = 'open', a.waits_in = $namespace, a.verdict_id = ''
MERGE (s)-[:ASKED]->(a)
RETURN a.id AS id
