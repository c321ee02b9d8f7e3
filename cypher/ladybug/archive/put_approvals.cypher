// purpose: writes one row of archived approvals
// params: namespace, id, task_id, subtask_id, token, key, type, hash, rule, why, asked_at, until, request, state, verdict_id, decided_by, decided_at, comment, amended, approved_hash, waits_in
// returns: nothing
MATCH (s:Subtask) WHERE s.id = $subtask_id
CREATE (s)-[:ASKED]->(:Approval {
  namespace: $namespace, id: $id, task_id: $task_id, subtask_id: $subtask_id, token: $token, key: $key,
  type: $type, hash: $hash, rule: $rule, why: $why, asked_at: $asked_at, until: $until, request: $request,
  state: $state, verdict_id: $verdict_id, decided_by: $decided_by, decided_at: $decided_at, comment: $comment,
  amended: $amended, approved_hash: $approved_hash, waits_in: $waits_in})
