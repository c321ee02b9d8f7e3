// purpose: writes what was learned of kinds of subtasks of a backup; what is there gives way
// params: rows
// returns: nothing
UNWIND $rows AS r
MERGE (n:`Profile` {id: r.id})
SET n = r
