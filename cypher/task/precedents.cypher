// purpose: the last tasks of a plan that completed, the latest first
// params: namespace, plan, limit
// returns: one row {id} per task
MATCH (t:Task) WHERE t.plan_hash = $plan AND t.namespace = $namespace AND t.status = 'completed'
RETURN t.id AS id
ORDER BY id DESC
LIMIT $limit
