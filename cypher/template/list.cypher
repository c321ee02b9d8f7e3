// purpose: the learned plans of a namespace, newest first
// params: namespace, limit
// returns: one row {p} each
MATCH (p:PlanTemplate) WHERE p.namespace = $namespace
RETURN p
ORDER BY p.created_at DESC, p.id
LIMIT $limit
