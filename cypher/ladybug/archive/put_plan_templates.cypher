// purpose: writes one row of learned plans of a backup; what is there gives way
// params: namespace, id, key, type, shape_hash, text, input_schema, pattern, source, successes, failures, failures_in_a_row, median_seconds, last_seconds, created_at, used_at
// returns: nothing
MERGE (n:PlanTemplate {id: $id})
SET n.namespace = $namespace, n.key = $key, n.type = $type, n.shape_hash = $shape_hash, n.text = $text,
    n.input_schema = $input_schema, n.pattern = $pattern, n.source = $source, n.successes = $successes,
    n.failures = $failures, n.failures_in_a_row = $failures_in_a_row, n.median_seconds = $median_seconds,
    n.last_seconds = $last_seconds, n.created_at = $created_at, n.used_at = $used_at
