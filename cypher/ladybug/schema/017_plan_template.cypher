// purpose: plans that completed, to be used again
// returns: nothing
CREATE NODE TABLE IF NOT EXISTS PlanTemplate(id STRING PRIMARY KEY, namespace STRING, key STRING, type STRING, shape_hash STRING, text STRING, input_schema STRING, pattern STRING, source STRING, successes INT64, failures INT64, failures_in_a_row INT64, median_seconds DOUBLE, last_seconds STRING, created_at INT64, used_at INT64)
