// purpose: the profiles of a namespace
// returns: nothing
CREATE INDEX profile_namespace IF NOT EXISTS FOR (n:Profile) ON (n.namespace)
