// purpose: what few attempts say besides: what their processes took, or what taking an output over has saved
// params: rows
// returns: nothing; rows are [attempt id, memory_bytes, cpu_seconds, saved_seconds, saved_cost], empty where not known
UNWIND $rows AS r
MATCH (a:Attempt) WHERE a.id = r[1]
SET a.memory_bytes = to_int64(nullif(r[2], '')), a.cpu_seconds = to_double(nullif(r[3], '')),
    a.saved_seconds = to_double(nullif(r[4], '')), a.saved_cost = to_double(nullif(r[5], ''))
