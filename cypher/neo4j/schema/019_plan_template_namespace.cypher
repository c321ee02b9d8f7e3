// purpose: the learned plans of a namespace
// returns: nothing
CREATE INDEX plan_template_namespace IF NOT EXISTS FOR (n:PlanTemplate) ON (n.namespace)
