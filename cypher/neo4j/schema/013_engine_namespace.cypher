// purpose: the engines of a namespace
// returns: nothing
CREATE INDEX engine_namespace IF NOT EXISTS FOR (n:Engine) ON (n.namespace)
