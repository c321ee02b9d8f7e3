// purpose: a batch of items of a mapped subtask that is still processing; joins wait for every item
// params: engine, epoch, task, parent, token, children, joins
// from -> to: nothing -> pending
// returns: one row {created}; no row when the engine is fenced or the attempt is not current
MATCH (e:Engine {id: $engine})
SET e.lock = true REMOVE e.lock
WITH e WHERE e.epoch = $epoch
MATCH (t:Task {id: $task})
MATCH (p:Subtask {id: $parent}) WHERE p.status = 'processing' AND p.token = $token
CALL (t, p) {
  UNWIND $children AS r
  CREATE (t)-[:HAS_SUBTASK]->(s:Subtask)
  SET s = r
  CREATE (s)-[:EXPANDED_FROM]->(p)
  CREATE (s)-[:DEPENDS_ON]->(p)
  RETURN collect(s) AS items
}
CALL (items) {
  UNWIND $joins AS join
  MATCH (j:Subtask {id: join})
  SET j.unmet = j.unmet + size(items)
  FOREACH (s IN items | CREATE (j)-[:DEPENDS_ON]->(s))
}
RETURN size(items) AS created
