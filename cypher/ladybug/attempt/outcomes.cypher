// purpose: what came of the attempts with the current token of subtasks, without their outputs
// params: rows
// returns: one row {id, outcome, hash} per attempt that was recorded
UNWIND $rows AS r
MATCH (a:Attempt) WHERE a.id = r.attempt
RETURN r.id AS id, a.outcome AS outcome, a.output_hash AS hash
