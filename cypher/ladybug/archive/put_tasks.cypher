// purpose: writes one row of archived tasks; nobody sees it yet
// params: namespace, id, type, name, description, user_id, tags, priority, max_parallel, failure_policy, body, status, owner, gate, gate_detail, pause_by, pause_until, pause_then, deadline_at, rerun_of, created_at, updated_at, started_at, completed_at, subtasks_count, counts, result, result_hash, error, plan_hash, estimate, late_at, open_owner, stored, loader
// returns: nothing
CREATE (:Task {
  namespace: $namespace, id: $id, type: $type, name: $name, description: $description, user_id: $user_id,
  tags: $tags, priority: $priority, max_parallel: $max_parallel, failure_policy: $failure_policy, body: $body,
  status: $status, owner: $owner, gate: $gate, gate_detail: $gate_detail, pause_by: $pause_by,
  pause_until: $pause_until, pause_then: $pause_then, deadline_at: $deadline_at, rerun_of: $rerun_of,
  created_at: $created_at, updated_at: $updated_at, started_at: $started_at, completed_at: $completed_at,
  subtasks_count: $subtasks_count, counts: $counts, result: $result, result_hash: $result_hash, error: $error,
  plan_hash: $plan_hash, estimate: $estimate, late_at: $late_at, open_owner: $open_owner, stored: $stored,
  loader: $loader})
