// purpose: writes a whole task of moderate size at once
// params: engine, epoch, task, event, rows
// from -> to: nothing -> pending | ready
// returns: one row {id}; no row when the engine is fenced
// rows is {subtasks, edges, keys}: in a map, so that one plan serves lists of any length
MATCH (e:Engine {id: $engine})
SET e.lock = true REMOVE e.lock
WITH e WHERE e.epoch = $epoch
CREATE (t:Task)
SET t = $task, t.stored = true, t.open_owner = $engine
CREATE (v:Event)
SET v = $event
FOREACH (r IN $rows.keys | CREATE (k:RequestKey) SET k = r)
WITH t
CALL (t) {
  UNWIND $rows.subtasks AS r
  CREATE (t)-[:HAS_SUBTASK]->(s:Subtask)
  SET s = r
}
CALL () {
  UNWIND $rows.edges AS edge
  MATCH (d:Subtask {id: edge[0]})
  MATCH (s:Subtask {id: edge[1]})
  CREATE (d)-[:DEPENDS_ON]->(s)
}
RETURN t.id AS id
