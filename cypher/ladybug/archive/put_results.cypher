// purpose: writes one row of archived results; one that is there stays as it is
// params: namespace, hash, bytes, body, created_at
// returns: nothing
MERGE (x:Result {hash: $hash})
ON CREATE SET x.namespace = $namespace, x.bytes = $bytes, x.body = $body, x.created_at = $created_at
