// purpose: the unopened node of a task; every statement and route skips it until it is opened
// params: id, namespace, type, name, description, user_id, tags, priority, max_parallel, failure_policy, body, status, owner, gate, loader, created_at, updated_at, subtasks_count, counts, deadline_at, rerun_of, plan_hash, estimate
// from -> to: nothing -> pending
// returns: nothing
CREATE (:Task {
  id: $id, namespace: $namespace, type: $type, name: $name, description: $description, user_id: $user_id, tags: $tags,
  priority: $priority, max_parallel: $max_parallel, failure_policy: $failure_policy, body: $body, status: $status,
  owner: $owner, open_owner: '', gate: $gate, stored: false, loader: $loader, created_at: $created_at,
  updated_at: $updated_at, subtasks_count: $subtasks_count, counts: $counts, deadline_at: $deadline_at,
  rerun_of: $rerun_of, plan_hash: $plan_hash, estimate: $estimate})
