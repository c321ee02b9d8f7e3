// purpose: removes a batch of what an interrupted attempt of a subtask had grown; repeated until none is left
// params: engine, epoch, parent, token, joins, limit
// returns: one row {removed}
MATCH (e:Engine {id: $engine})
SET e.lock = true REMOVE e.lock
WITH e WHERE e.epoch = $epoch
MATCH (p:Subtask {id: $parent}) WHERE p.status = 'processing' AND p.token = $token
CALL (p) {
  MATCH (p)<-[:EXPANDED_FROM]-(s:Subtask)
  WITH s LIMIT $limit
  RETURN collect(s) AS gone
}
CALL (gone) {
  UNWIND gone AS s
  MATCH (j:Subtask)-[:DEPENDS_ON]->(s) WHERE j.id IN $joins
  WITH j, count(*) AS fewer
  SET j.unmet = j.unmet - fewer
  RETURN count(*) AS touched
}
CALL (gone, touched) {
  FOREACH (s IN gone | DETACH DELETE s)
  RETURN size(gone) AS removed
}
RETURN removed
