// purpose: writes learned plans of a backup; what is there gives way
// params: rows
// returns: nothing
UNWIND $rows AS r
MERGE (n:PlanTemplate {id: r.id})
SET n = r
