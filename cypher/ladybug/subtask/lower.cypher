// purpose: new subtasks do not wait for dependencies that are settled already
// params: rows
// returns: nothing; rows are [dependant id, settled, without success, skipped], one for each dependant, the last three how many
UNWIND $rows AS r
MATCH (d:Subtask) WHERE d.id = r[1]
SET d.unmet = d.unmet - to_int64(r[2]), d.bad = d.bad + to_int64(r[3]), d.skips = d.skips + to_int64(r[4])
