// purpose: keeps outputs to be reused, once those with their keys are dropped: that costs half of a MERGE
// params: namespace, rows
// returns: nothing; rows are [id, key, type, version, tags, parts, output, hash, bytes, seconds, cost, task id, subtask id, created, expires]
UNWIND $rows AS r
CREATE (:CacheEntry {
  id: r[1], namespace: $namespace, key: r[2], type: r[3], version: r[4], tags: nullif(r[5], ''), parts: r[6],
  output: nullif(r[7], ''), output_hash: r[8], output_bytes: to_int64(r[9]), seconds: to_double(r[10]),
  cost: to_double(nullif(r[11], '')), task_id: r[12], subtask_id: r[13], created_at: to_int64(r[14]),
  expires_at: to_int64(r[15])})
