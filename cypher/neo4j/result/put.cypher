// purpose: stores results by content hash, and who keeps them; those that exist stay as they are
// params: results, namespace
// returns: nothing
UNWIND $results AS r
OPTIONAL MATCH (s:Subtask {id: r.holder})
OPTIONAL MATCH (t:Task {id: r.holder})
WITH r, coalesce(s, t) AS holder WHERE holder IS NOT NULL
MERGE (x:Result {hash: r.hash})
ON CREATE SET x.namespace = $namespace, x.bytes = r.bytes, x.body = r.body, x.created_at = timestamp()
SET x.lock = true REMOVE x.lock
MERGE (holder)-[:KEEPS]->(x)
