// purpose: a batch of what a subtask grows that is still processing; joins wait for its ends
// params: engine, epoch, task, parent, token, children, edges, joins
// from -> to: nothing -> pending
// returns: one row {created}; no row when the engine is fenced or the attempt is not current
// children are [node, depends on the parent, joins wait for it], edges [child id, id of another dependency], which may
// be settled already: what a dependency counts for is what turn/turn counts when it settles
MATCH (e:Engine {id: $engine})
SET e.lock = true REMOVE e.lock
WITH e WHERE e.epoch = $epoch
MATCH (t:Task {id: $task})
MATCH (p:Subtask {id: $parent}) WHERE p.status = 'processing' AND p.token = $token
CALL (t, p) {
  UNWIND $children AS r
  CREATE (t)-[:HAS_SUBTASK]->(s:Subtask)
  SET s = r[0], s.generation = p.generation + s.generation
  CREATE (s)-[:EXPANDED_FROM]->(p)
  FOREACH (_ IN CASE WHEN r[1] THEN [1] ELSE [] END | CREATE (s)-[:DEPENDS_ON]->(p))
  RETURN count(*) AS created, collect(CASE WHEN r[2] THEN s END) AS ends
}
CALL (created) {
  UNWIND $edges AS edge
  MATCH (d:Subtask {id: edge[0]})
  MATCH (n:Subtask {id: edge[1]})
  CREATE (d)-[:DEPENDS_ON]->(n)
  WITH d, n WHERE n.status IN ['completed', 'failed', 'skipped', 'blocked', 'cancelled', 'quarantined']
  WITH d, count(*) AS met,
    sum(CASE WHEN n.status = 'completed' OR (n.status = 'skipped' AND n.is_optional) THEN 0 ELSE 1 END) AS bad,
    sum(CASE WHEN n.status = 'skipped' AND n.is_optional IS NULL THEN 1 ELSE 0 END) AS skips
  SET d.unmet = d.unmet - met, d.bad = d.bad + bad, d.skips = CASE WHEN skips > 0 THEN coalesce(d.skips, 0) + skips ELSE d.skips END
  RETURN count(*) AS linked
}
CALL (ends) {
  UNWIND $joins AS join
  MATCH (j:Subtask {id: join})
  SET j.unmet = j.unmet + size(ends)
  FOREACH (s IN ends | CREATE (j)-[:DEPENDS_ON]->(s))
}
RETURN created
