// purpose: opens a large task once all of it is written
// params: engine, epoch, id, event
// returns: one row {id}; no row when the engine is fenced
MATCH (e:Engine {id: $engine})
SET e.lock = true REMOVE e.lock
WITH e WHERE e.epoch = $epoch
MATCH (t:Task {id: $id})
SET t.stored = true, t.open_owner = $engine REMOVE t.loader
CREATE (v:Event)
SET v = $event
WITH t
OPTIONAL MATCH (earlier:Task {id: t.rerun_of})
FOREACH (found IN CASE WHEN earlier IS NULL THEN [] ELSE [earlier] END | CREATE (t)-[:RERUN_OF]->(found))
RETURN t.id AS id
