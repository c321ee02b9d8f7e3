// purpose: the log of a namespace in the order of time
// returns: nothing
CREATE INDEX log_line_namespace IF NOT EXISTS FOR (n:LogLine) ON (n.namespace, n.id)
