// purpose: the keys of the API in a namespace
// returns: nothing
CREATE INDEX api_key_namespace IF NOT EXISTS FOR (n:ApiKey) ON (n.namespace)
