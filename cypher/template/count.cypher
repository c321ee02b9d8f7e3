// purpose: what the use of a learned plan has changed; one that is gone meanwhile does not come back
// params: engine, epoch, id, successes, failures, failures_in_a_row, median_seconds, last_seconds, used_at
// returns: one row {key}, which is null when the plan is gone; no row when the engine is fenced
MATCH (e:Engine) WHERE e.id = $engine AND e.epoch = $epoch
OPTIONAL MATCH (p:PlanTemplate) WHERE p.id = $id
SET p.successes = $successes, p.failures = $failures, p.failures_in_a_row = $failures_in_a_row,
  p.median_seconds = $median_seconds, p.last_seconds = $last_seconds, p.used_at = $used_at
RETURN p.key AS key
