// purpose: removes a batch of items that an interrupted attempt of a mapped subtask had created; repeated until none is left
// params: engine, epoch, parent, token, joins, limit
// returns: one row {removed}
MATCH (e:Engine {id: $engine})
SET e.lock = true REMOVE e.lock
WITH e WHERE e.epoch = $epoch
MATCH (p:Subtask {id: $parent}) WHERE p.status = 'processing' AND p.token = $token
CALL (p) {
  MATCH (p)<-[:EXPANDED_FROM]-(s:Subtask)
  WITH s LIMIT $limit
  DETACH DELETE s
  RETURN count(*) AS removed
}
CALL (removed) {
  UNWIND $joins AS join
  MATCH (j:Subtask {id: join})
  SET j.unmet = j.unmet - removed
}
RETURN removed
