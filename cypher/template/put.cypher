// purpose: keeps a learned plan, or puts it in the place of the one with its key. The fence is looked at, not locked:
//   what an engine still writes while it is fenced is right as well
// params: engine, epoch, id, namespace, key, type, shape_hash, text, input_schema, pattern, source, successes, failures, failures_in_a_row, median_seconds, last_seconds, created_at, used_at
// returns: one row {key}; no row when the engine is fenced
MATCH (e:Engine) WHERE e.id = $engine AND e.epoch = $epoch
MERGE (p:PlanTemplate {id: $id})
SET p.namespace = $namespace, p.key = $key, p.type = $type, p.shape_hash = $shape_hash, p.text = $text,
  p.input_schema = $input_schema, p.pattern = $pattern, p.source = $source, p.successes = $successes,
  p.failures = $failures, p.failures_in_a_row = $failures_in_a_row, p.median_seconds = $median_seconds,
  p.last_seconds = $last_seconds, p.created_at = $created_at, p.used_at = $used_at
RETURN p.key AS key
