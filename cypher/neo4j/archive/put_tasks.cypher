// purpose: writes archived tasks; nobody sees them yet
// params: rows
// returns: nothing
UNWIND $rows AS r
CREATE (n:Task)
SET n = r
