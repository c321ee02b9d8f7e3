// purpose: a learned plan by what it is looked up by
// returns: nothing
CREATE CONSTRAINT plan_template_id IF NOT EXISTS FOR (n:PlanTemplate) REQUIRE n.id IS UNIQUE
