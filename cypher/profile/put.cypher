// purpose: what an engine has learned about some kinds, in the place of what it had learned before. The fence is looked
//   at, not locked: what an engine still writes while it is fenced is right as well
// params: engine, epoch, namespace, rows
// returns: one row {profiles}; no row when the engine is fenced
MATCH (e:Engine) WHERE e.id = $engine AND e.epoch = $epoch
UNWIND $rows AS r
MERGE (p:`Profile` {id: r.id})
SET p.namespace = $namespace, p.engine = $engine, p.kind = r.kind, p.data = r.data, p.updated_at = r.updated_at
WITH count(*) AS profiles WHERE profiles > 0
RETURN profiles
