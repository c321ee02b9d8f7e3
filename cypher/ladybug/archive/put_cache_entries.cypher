// purpose: writes one row of outputs that may be used again of a backup; what is there gives way
// params: namespace, id, key, type, version, tags, parts, output, output_hash, output_bytes, seconds, cost, task_id, subtask_id, created_at, expires_at
// returns: nothing
MERGE (n:CacheEntry {id: $id})
SET n.namespace = $namespace, n.key = $key, n.type = $type, n.version = $version, n.tags = $tags, n.parts = $parts,
    n.output = $output, n.output_hash = $output_hash, n.output_bytes = $output_bytes, n.seconds = $seconds,
    n.cost = $cost, n.task_id = $task_id, n.subtask_id = $subtask_id, n.created_at = $created_at,
    n.expires_at = $expires_at
