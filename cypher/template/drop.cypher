// purpose: forgets a learned plan
// params: id
// returns: one row {key}, or none when there was none
MATCH (p:PlanTemplate) WHERE p.id = $id
WITH p, p.key AS key
DELETE p
RETURN key
