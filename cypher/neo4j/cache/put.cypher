// purpose: keeps outputs to be reused, each in the place of the one with its key. The fence is looked at, not locked:
//   what an engine still writes while it is fenced is right as well
// params: engine, epoch, namespace, rows
// returns: one row {kept}; no row when the engine is fenced
MATCH (e:Engine) WHERE e.id = $engine AND e.epoch = $epoch
UNWIND $rows AS r
MERGE (c:CacheEntry {id: r.id})
SET c.namespace = $namespace, c.key = r.key, c.type = r.type, c.version = r.version, c.tags = r.tags,
  c.parts = r.parts, c.output = r.output, c.output_hash = r.output_hash, c.output_bytes = r.output_bytes,
  c.seconds = r.seconds, c.cost = r.cost, c.task_id = r.task_id, c.subtask_id = r.subtask_id,
  c.created_at = r.created_at, c.expires_at = r.expires_at
WITH count(*) AS kept WHERE kept > 0
RETURN kept
