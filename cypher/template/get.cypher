// purpose: a learned plan
// params: id
// returns: one row {p}, or none
MATCH (p:PlanTemplate) WHERE p.id = $id
RETURN p
