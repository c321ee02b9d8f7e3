// purpose: a batch of Results that a task keeps
// params: id, limit
// returns: one row {hash, blob, holders} each
MATCH (t:Task)-[:KEEPS]->(x:Result) WHERE t.id = $id
RETURN x.hash AS hash, x.body IS NULL AS blob, COUNT { MATCH (o)-[:KEEPS]->(x) } AS holders
ORDER BY hash
LIMIT $limit
