// purpose: stores Results that are new, with the attempts that made them and the subtasks that keep them
// params: rows, namespace, now
// returns: one row {hash} per Result that was stored: none where the subtask is gone; rows are [subtask id, attempt id, hash, bytes, output]
UNWIND $rows AS r
MATCH (s:Subtask) WHERE s.id = r[1]
MATCH (a:Attempt) WHERE a.id = r[2]
CREATE (s)-[:KEEPS]->(:Result {hash: r[3], namespace: $namespace, bytes: to_int64(r[4]), body: r[5], created_at: $now})<-[:PRODUCED]-(a)
RETURN r[3] AS hash
