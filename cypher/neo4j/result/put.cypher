// purpose: stores results by content hash; those that exist stay as they are
// params: results, namespace
// returns: nothing
UNWIND $results AS r
MERGE (x:Result {hash: r.hash})
ON CREATE SET x.namespace = $namespace, x.bytes = r.bytes, x.body = r.body, x.created_at = timestamp()
