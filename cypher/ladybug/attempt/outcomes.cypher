// purpose: what came of the attempts with the current token of subtasks, without their outputs
// params: rows
// returns: one row {id, outcome, hash, saved_seconds, saved_cost} per attempt that was recorded
UNWIND $rows AS r
MATCH (a:Attempt) WHERE a.id = r.attempt
RETURN r.id AS id, a.outcome AS outcome, a.output_hash AS hash,
  a.saved_seconds AS saved_seconds, a.saved_cost AS saved_cost
