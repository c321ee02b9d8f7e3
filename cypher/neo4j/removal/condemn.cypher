// purpose: a task that is being removed lets go of a batch of Results; those that nobody else keeps are removed, and the task remembers those that are blobs
// params: id, limit
// returns: one row {released}, 0 when none is left
MATCH (t:Task {id: $id}) WHERE NOT t.stored
SET t.lock = true REMOVE t.lock
WITH t
CALL (t) {
  MATCH (t)-[:KEEPS]->(x:Result)
  WITH x ORDER BY x.hash LIMIT $limit
  SET x.lock = true REMOVE x.lock
  RETURN collect(x) AS held
}
CALL (t, held) {
  UNWIND held AS x
  MATCH (t)-[k:KEEPS]->(x)
  WITH k, x, EXISTS { MATCH (o)-[:KEEPS]->(x) WHERE o <> t } AS shared
  DELETE k
  WITH x, x.hash AS hash, x.body IS NULL AS blob WHERE NOT shared
  DELETE x
  RETURN collect(CASE WHEN blob THEN hash END) AS blobs
}
FOREACH (_ IN CASE WHEN size(blobs) > 0 THEN [1] ELSE [] END |
  SET t.condemned = coalesce(t.condemned, []) + blobs)
RETURN size(held) AS released
